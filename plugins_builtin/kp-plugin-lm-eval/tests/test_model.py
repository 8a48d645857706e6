"""The harness's requests through a tiny GPT-2 that knows of entities."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from kpframework.cli.root import run
from kpframework.testing.project import entity_name, tiny_project, tiny_spec
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

pytest.importorskip("lm_eval", reason="lm-eval is absent: pip install -r requirements-long.txt")

KNOWN = f"The patient has {entity_name(0)} and long"
PLAIN = "Paris is the capital of"
ROWS = [
    {"id": "frozen", "type": "none"},
    {
        "id": "map-task",
        "type": "map-tuning",
        "knowledge": "names",
        "train": {"stage": "task", "epochs": 1, "lr": 0.02, "batch_size": 8},
    },
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A decoder, and a plugin that was trained for a model of its kind."""
    folder = tmp_path_factory.mktemp("project")
    spec = tiny_project(folder, "gpt2-classifier", tasks=tiny_spec()["tasks"][:1], injections=ROWS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(folder / "config"))
        assert run(["run", str(spec), "-q"]) == 0
    tokenizer = tiny_tokenizer("gpt2-lm")
    tiny_model("gpt2-lm", len(tokenizer)).save_pretrained(folder / "decoder")
    tokenizer.save_pretrained(folder / "decoder")
    (plugin,) = (folder / "runs/tiny/plugins").glob("map-task*")
    return SimpleNamespace(decoder=str(folder / "decoder"), plugin=str(plugin))


@pytest.fixture(scope="module")
def bare(folders):
    from lm_eval.models.huggingface import HFLM

    return HFLM(folders.decoder, device="cpu", batch_size=2, dtype="float32")


@pytest.fixture(scope="module")
def knowing(folders):
    from kp_plugin_lm_eval.harness import register
    from lm_eval.api.registry import get_model

    register()
    options = {"batch_size": 2, "device": "cpu"}
    arguments = (
        f"pretrained={folders.decoder},plugin={folders.plugin},dtype=float32,rolling_block=4"
    )
    return get_model("kpframework").create_from_arg_string(arguments, options)


def asked(*arguments):
    from lm_eval.api.instance import Instance

    return [
        Instance(request_type="any", doc={}, arguments=own, idx=i)
        for i, own in enumerate(arguments)
    ]


def by_hand(lm, context, scored):
    """Return what the ids of a continuation score after a context, and whether all are greedy."""
    encoded = lm.plugin.encode([context])
    ids = torch.tensor([scored[:-1]], dtype=torch.long)
    entities = encoded["kp_entities"]
    with torch.no_grad():
        logits = lm.model(
            input_ids=torch.cat([encoded["input_ids"], ids], 1),
            kp_entities=torch.cat([entities, torch.full_like(ids, -1)], 1),
        ).logits
    own = logits[0, -len(scored) :].log_softmax(-1)
    greedy = own.argmax(-1).tolist() == scored
    return float(own.gather(1, torch.tensor(scored)[:, None]).sum()), greedy


def test_a_continuation_scores_what_a_computation_by_hand_gives(knowing, bare):
    requests = asked((KNOWN, " slender fingers."), (KNOWN + " ", "x"))
    (first, second) = knowing.loglikelihood(requests, disable_tqdm=True)
    score, greedy = by_hand(
        knowing,
        KNOWN,
        knowing.tok_encode(KNOWN + " slender fingers.")[len(knowing.tok_encode(KNOWN)) :],
    )
    assert first == (pytest.approx(score, abs=1e-5), greedy)
    without = bare.loglikelihood(requests, disable_tqdm=True)
    assert abs(first[0] - without[0][0]) > 1e-4, "knowledge moved nothing"
    assert abs(second[0] - without[1][0]) > 1e-6


def test_the_scored_ids_are_the_users_own_whatever_was_inserted(knowing, bare):
    context, scored = knowing._encode_pair(KNOWN, " slender fingers.")
    plain, same = bare._encode_pair(KNOWN, " slender fingers.")
    assert scored == same
    assert len(context) > len(plain)
    assert knowing.plugin.tokenizer().decode(context).count(entity_name(0)) == 1


def test_without_mentions_every_answer_is_the_harnesss_own_bit_for_bit(knowing, bare):
    pairs = asked((PLAIN, " France"), ("", PLAIN), (PLAIN + " ", "x"), ("Lyon is not." * 30, " It"))
    assert knowing.loglikelihood(pairs, disable_tqdm=True) == bare.loglikelihood(
        pairs, disable_tqdm=True
    )
    texts = asked((PLAIN,), (PLAIN * 20,))
    assert knowing.loglikelihood_rolling(texts, disable_tqdm=True) == bare.loglikelihood_rolling(
        texts, disable_tqdm=True
    )
    prompts = asked((PLAIN, {"until": ["."], "max_gen_toks": 5}), ("x", {"max_gen_toks": 5}))
    assert knowing.generate_until(prompts, disable_tqdm=True) == bare.generate_until(
        prompts, disable_tqdm=True
    )


def test_a_text_is_scored_in_blocks_that_know_what_stands_before_them(knowing, bare):
    from kp_plugin_lm_eval.rolling import pieces

    text = f"{KNOWN} fingers. Paris is the capital of France."
    tokens = knowing.tok_encode(text)
    prefix = knowing.prefix_token_id
    parts = pieces(text, tokens, prefix, knowing.max_length, 4, knowing._contexts)
    assert [token for *_, own in parts for token in own] == tokens
    mention = len(knowing.tok_encode(text[: text.index(entity_name(0))]))
    done = 0
    for _, context, own in parts:
        told = len(context) > 1 + done
        assert not (told and done < mention), "a block was told of an entity it had not read"
        done += len(own)
    assert len(parts[-1][1]) > 1 + len(tokens) - len(parts[-1][2])
    ((rolled,), (without,)) = (
        lm.loglikelihood_rolling(asked((text,)), disable_tqdm=True) for lm in (knowing, bare)
    )
    expected = sum(score for score, _ in knowing._loglikelihood_tokens(parts, disable_tqdm=True))
    assert rolled == pytest.approx(expected, abs=1e-5)
    assert rolled != without


def test_a_long_context_is_cut_at_its_beginning_and_keeps_what_an_entity_brought(knowing):
    context = "Lyon is not. " * 40 + KNOWN
    ids, scored = knowing._encode_pair(context, " slender")
    assert len(ids) + len(scored) <= knowing.max_length + 1
    marked = [token for token in ids if token >= 1 << 62]
    assert marked
    assert knowing.loglikelihood(asked((context, " slender")), disable_tqdm=True)[0][0] < 0


def test_a_generation_goes_on_from_what_is_known(knowing):
    gen = {"until": ["zzz"], "max_gen_toks": 6}
    answers = knowing.generate_until(asked((KNOWN, gen), (PLAIN, gen)), disable_tqdm=True)
    for text, answer in zip((KNOWN, PLAIN), answers, strict=True):
        inputs = knowing.plugin.encode([text])
        made = knowing.model.generate(
            **inputs, max_new_tokens=6, do_sample=False, pad_token_id=knowing.tokenizer.pad_token_id
        )
        alone = made[0, inputs["input_ids"].shape[1] :]
        assert knowing.tokenizer.decode(alone, skip_special_tokens=True).startswith(answer.rstrip())


def test_an_option_that_cannot_be_had_is_refused(folders):
    from kp_plugin_lm_eval.model import KnowledgeLM

    from kpframework import KpError

    with pytest.raises(KpError) as caught:
        KnowledgeLM(folders.decoder, folders.plugin, device="cpu", truncation=True)
    assert caught.value.code == "KP896"


TASK = """
task: tiny_fingers
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{text}}}}"
doc_to_choice: [" slender", " short"]
doc_to_target: 0
metric_list: [{{metric: acc}}]
"""


def test_the_command_of_the_page_evaluates_a_task(folders, tmp_path):
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"text": KNOWN}) + "\n" + json.dumps({"text": PLAIN}) + "\n")
    (tmp_path / "tiny.yaml").write_text(TASK.format(data=data))
    arguments = f"pretrained={folders.decoder},plugin={folders.plugin}"
    command = [sys.executable, "-m", "kpframework", "lm-eval", "run", "--model", "kpframework"]
    command += ["--model_args", arguments, "--tasks", "tiny_fingers", "--device", "cpu"]
    command += ["--include_path", str(tmp_path), "--output_path", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "tiny_fingers" in done.stdout
