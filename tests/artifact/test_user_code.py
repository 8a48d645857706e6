"""The plugin where transformers users work: pipeline, generate, peft, half precision."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import transformers

from kpframework import KpError
from kpframework.api import Mention
from kpframework.artifact import HOST, encode_mixed
from kpframework.inject.batch import ENTITIES as CODES
from kpframework.inject.marks import MARK, mark, unmark
from kpframework.testing.project import entity_name
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

from .conftest import PROMPTS, TEXTS, classifier, language_model, logits

GREEDY = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0}


def by_hand(model: Any, inputs: dict[str, torch.Tensor], steps: int) -> torch.Tensor:
    """Return greedy continuations, every step computed anew from the whole sequence."""
    ids, mask, codes = inputs["input_ids"], inputs["attention_mask"], inputs[CODES]
    for _ in range(steps):
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        codes_now = torch.nn.functional.pad(codes, (0, ids.shape[1] - codes.shape[1]), value=-1)
        call = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
        following = logits(model, {**call, CODES: codes_now})[:, -1].argmax(-1, keepdim=True)
        ids = torch.cat([ids, following], 1)
        mask = torch.cat([mask, torch.ones_like(following)], 1)
    return ids


# generate


@pytest.mark.parametrize("architecture", ["gpt2-lm", "llama-lm"])
def test_greedy_generation_is_that_of_steps_by_hand_in_every_row(run, architecture):
    model, tokenizer, plugin = language_model(run, architecture)
    inputs = plugin.encode(PROMPTS)
    made = model.generate(**inputs, **GREEDY, eos_token_id=None)
    assert torch.equal(made, by_hand(model, inputs, 4))
    bare = tokenizer(PROMPTS, padding=True, return_tensors="pt")
    without = model.generate(**bare, **GREEDY, eos_token_id=None)
    width = bare["input_ids"].shape[1]
    assert not torch.equal(made[:2, -4:], without[:2, width:])
    assert torch.equal(made[2, -4:], without[2, width:])
    plugin.detach()
    assert torch.equal(model.generate(**bare, **GREEDY, eos_token_id=None), without)
    assert "generate" not in model.__dict__


@pytest.mark.parametrize(
    "options",
    [
        {"num_beams": 3, "do_sample": False, "num_return_sequences": 2},
        {"do_sample": True, "num_return_sequences": 3, "top_k": 0},
        {"do_sample": False, "use_cache": False},
        {"do_sample": False, "repetition_penalty": 1.3, "no_repeat_ngram_size": 2},
    ],
    ids=["beam", "sampling", "no-cache", "processors"],
)
def test_generation_of_a_mixed_batch_is_that_of_each_row_alone(run, options):
    model, _, plugin = language_model(run)
    wanted = {"max_new_tokens": 4, "pad_token_id": 0, "eos_token_id": None, **options}

    def made(inputs: Any) -> torch.Tensor:
        torch.manual_seed(7)
        return model.generate(**inputs, **wanted)[:, -4:]

    mixed = encode_mixed([PROMPTS[1]] * 2, [plugin, HOST])
    together = made(mixed)
    each = len(together) // 2
    rows = [{name: own[at : at + 1] for name, own in mixed.items()} for at in (0, 1)]
    if options.get("do_sample"):
        # Draws depend on the rows before, so the same seed is compared with codes given by hand.
        codes = mixed.pop(CODES)
        torch.manual_seed(7)
        with plugin.attachment.knowledge(codes):
            hand = model.generate(**mixed, **wanted)[:, -4:]
        assert torch.equal(together, hand)
        bare = made(mixed)
        assert torch.equal(together[each:], bare[each:])
        assert not torch.equal(together[:each], bare[:each])
    else:
        assert torch.equal(together[:each], made(rows[0]))
        assert torch.equal(together[each:], made(rows[1]))
        assert not torch.equal(together[:each], together[each:])


def test_an_encoder_decoder_reads_knowledge_in_its_encoder(run):
    tokenizer = tiny_tokenizer("llama-lm")
    config = transformers.T5Config(
        vocab_size=len(tokenizer), d_model=32, d_ff=32, d_kv=16, num_layers=1, num_heads=2,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.T5ForConditionalGeneration(config).eval()
    plugin = run.plugin().attach(model, tokenizer, strict=False)
    inputs = plugin.encode(PROMPTS[:2])
    options = {"max_new_tokens": 3, "return_dict_in_generate": True, "output_logits": True}
    with_knowledge = model.generate(**inputs, **options).logits
    start = torch.zeros(2, 1, dtype=torch.long)
    once = logits(model, {**inputs, "decoder_input_ids": start})[:, 0]
    torch.testing.assert_close(with_knowledge[0], once, atol=1e-5, rtol=0)
    bare = {name: own for name, own in inputs.items() if name != CODES}
    assert not torch.allclose(with_knowledge[0], model.generate(**bare, **options).logits[0])


# Pipelines


def test_a_classification_pipeline_answers_as_the_encoded_batch(run):
    model, tokenizer, plugin = classifier(run)
    bare = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)
    before = bare(list(TEXTS))
    pipe = transformers.pipeline(
        "text-classification", model=model, tokenizer=plugin.tokenizer(), top_k=None
    )
    expected = logits(model, plugin.encode(TEXTS)).softmax(-1)
    for size in (1, 3):
        for answer, own in zip(pipe(list(TEXTS), batch_size=size), expected, strict=True):
            scores = {entry["label"]: entry["score"] for entry in answer}
            assert list(scores.values()) == sorted(scores.values(), reverse=True)
            for label, score in scores.items():
                assert score == pytest.approx(float(own[model.config.label2id[label]]), abs=1e-6)
    pair = logits(model, plugin.encode([TEXTS[0]], pairs=[TEXTS[1]])).softmax(-1)[0]
    asked = pipe({"text": TEXTS[0], "text_pair": TEXTS[1]}, truncation=True)
    assert asked[0]["score"] == pytest.approx(float(pair.max()), abs=1e-6)
    with plugin.disable():
        off = transformers.pipeline(
            "text-classification", model=model, tokenizer=plugin.tokenizer()
        )
        assert off(list(TEXTS)) == before
    assert bare(list(TEXTS)) == before


def test_a_fill_mask_pipeline_answers_as_the_encoded_text(run):
    model, tokenizer, plugin = language_model(run, "bert-masked-lm", "right")
    text = f"Jean was born in {entity_name(3)} and [MASK] there."
    pipe = transformers.pipeline("fill-mask", model=model, tokenizer=plugin.tokenizer())
    found = pipe(text, top_k=3)
    inputs = plugin.encode(text)
    at = (inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero()[0, 0]
    values, tokens = logits(model, inputs)[0, at].softmax(-1).topk(3)
    assert [own["token"] for own in found] == tokens.tolist()
    assert [own["score"] for own in found] == pytest.approx(values.tolist(), abs=1e-6)
    assert all("jean was born" in own["sequence"] for own in found)
    bare = transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer)(text, top_k=3)
    assert [own["score"] for own in bare] != pytest.approx(values.tolist(), abs=1e-4)
    assert pipe(text, targets=["there"])[0]["sequence"].count("there") == 2


def test_a_text_generation_pipeline_answers_as_generate(run):
    model, tokenizer, plugin = language_model(run)
    pipe = transformers.pipeline("text-generation", model=model, tokenizer=plugin.tokenizer())
    options = {**GREEDY, "eos_token_id": None, "return_full_text": False}
    one_by_one = [pipe(text, **options)[0]["generated_text"] for text in PROMPTS]
    expected = model.generate(**plugin.encode(PROMPTS), **GREEDY, eos_token_id=None)[:, -4:]
    assert one_by_one == tokenizer.batch_decode(expected, skip_special_tokens=True)
    batched = pipe(PROMPTS, batch_size=3, **options)
    assert [own[0]["generated_text"] for own in batched] == one_by_one
    bare = transformers.pipeline("text-generation", model=model, tokenizer=tokenizer)
    assert bare(PROMPTS[1], **options)[0]["generated_text"] != one_by_one[1]


def test_a_chat_goes_through_the_tokenizers_template_with_knowledge(run):
    model, tokenizer, plugin = language_model(run)
    tokenizer.chat_template = "{% for m in messages %}<s>{{ m['content'] }}{% endfor %}"
    chat = [{"role": "user", "content": PROMPTS[0]}]
    knowing = plugin.tokenizer()
    encoded = knowing.apply_chat_template(chat, return_tensors="pt")
    ids, codes = unmark(encoded["input_ids"])
    assert codes is not None
    expected = plugin.encode(f"<s>{PROMPTS[0]}")
    assert ids[0].tolist() == expected["input_ids"][0].tolist()
    assert torch.equal(logits(model, encoded), logits(model, expected))


# The tokenizer that brings knowledge along


def test_without_knowledge_it_is_the_tokenizer_itself(run):
    _, tokenizer, plugin = classifier(run)
    knowing = plugin.tokenizer()
    assert isinstance(knowing, transformers.PreTrainedTokenizerBase)
    assert len(knowing) == len(tokenizer)
    plugin.disable()
    texts = [*TEXTS, ""]
    for options in (
        {},
        {"padding": True, "return_tensors": "pt"},
        {"padding": "max_length", "max_length": 40, "truncation": True},
        {"truncation": True, "max_length": 5},
        {"return_special_tokens_mask": True, "padding": True, "padding_side": "left"},
        {"return_attention_mask": False, "return_token_type_ids": False},
        {"add_special_tokens": False},
    ):
        own, theirs = knowing(texts, **options), tokenizer(texts, **options)
        assert own.keys() == theirs.keys(), options
        for name in own:
            for row, expected in zip(own[name], theirs[name], strict=True):
                assert list(row) == list(expected), (options, name)
    pairs = list(itertools.pairwise(TEXTS))
    assert knowing(pairs)["input_ids"] == tokenizer(pairs)["input_ids"]
    assert knowing(*pairs[0])["token_type_ids"] == tokenizer(*pairs[0])["token_type_ids"]


def test_marked_ids_come_apart_as_they_were_put_together():
    ids = torch.tensor([[7, 99, 1_000_000], [0, 1, 2]])
    codes = torch.tensor([[-1, (3 << 40) + 4_000_000_000, 5], [-1, -1, -1]])
    marked = mark(ids, codes)
    assert int(marked[0, 1]) >= MARK
    again, found = unmark(marked)
    assert torch.equal(again, ids)
    assert torch.equal(found, codes)
    assert unmark(ids)[1] is None
    with pytest.raises(KpError, match="KP778"):
        mark(ids, codes + (300 << 40))


def test_what_cannot_be_had_with_knowledge_is_refused(run):
    _, _, plugin = classifier(run)
    knowing = plugin.tokenizer()
    for call in (
        lambda: knowing(TEXTS[0], padding="widest"),
        lambda: knowing([["a", "list", "of", "words"]]),
        lambda: knowing([TEXTS[0] * 5], truncation="only_first", max_length=12),
        lambda: plugin.encode(TEXTS, padding=False),
        lambda: plugin.encode(TEXTS, padding="widest"),
    ):
        with pytest.raises(KpError, match="KP784"):
            call()
    with pytest.raises(TypeError):
        knowing(TEXTS[0], return_offsets_mapping=True)
    assert len(plugin.encode(TEXTS[0] * 40)["input_ids"][0]) == 128, "what the host can hold"
    assert plugin.encode(TEXTS, padding="max_length", max_length=50)["input_ids"].shape[1] == 50


# A loop of one's own


def test_mentions_may_be_given_and_texts_may_come_in_pairs(run):
    model, _, plugin = classifier(run)
    text, other = TEXTS[0], TEXTS[1]
    linked = plugin.link([text, other])
    given = plugin.encode([text], mentions=[linked[0]], pairs=[other], pair_mentions=[linked[1]])
    found = plugin.encode([text], pairs=[other])
    assert torch.equal(given["input_ids"], found["input_ids"])
    assert torch.equal(given[CODES], found[CODES])
    assert int((found[CODES] >= 0).sum()) == 3
    assert len(found.tokens[0]) == int((found.positions[0] >= 0).sum())
    half = plugin.encode([text], mentions=[linked[0]], pairs=[other])
    assert int((half[CODES] >= 0).sum()) == 1
    elsewhere = Mention(0, 3, linked[0][0].entity)
    moved = plugin.encode(text, mentions=[[elsewhere]])
    assert not torch.equal(logits(model, moved), logits(model, plugin.encode(text)))
    with pytest.raises(ValueError, match="mentions of 1 texts for 2 rows"):
        plugin.encode([text, other], mentions=[[]])


def test_several_on_one_host_are_switched_disabled_and_taken_off(run):
    model, tokenizer, first = classifier(run)
    bare = tokenizer(TEXTS[0], return_tensors="pt")
    second = run.plugin()
    second.state = {name: 2 * own for name, own in second.state.items()}
    second.attach(model, tokenizer, "second")
    knowing = first.tokenizer()

    def answer() -> torch.Tensor:
        return logits(model, knowing(TEXTS[0], return_tensors="pt"))

    alone = {p: logits(model, p.encode(TEXTS[0])) for p in (first, second)}
    assert (first.active, second.active) == (True, False)
    assert torch.equal(answer(), alone[first])
    second.set_active()
    assert (first.active, second.active) == (False, True)
    assert torch.equal(answer(), alone[second])
    stale = second.encode(TEXTS[0])
    plain = logits(model, bare)
    with second.disable() as same:
        assert same is second
        assert not second.enabled
        assert torch.equal(answer(), plain)
        assert torch.equal(logits(model, second.encode(TEXTS[0])), plain)
        assert torch.equal(logits(model, first.encode(TEXTS[0])), alone[first])
        with pytest.raises(KpError, match="entities of 'second', which is disabled") as error:
            logits(model, stale)
        assert error.value.code == "KP776"
        mixed = encode_mixed([TEXTS[0]] * 2, [first, second])
        assert int((mixed[CODES][1] >= 0).sum()) == 0
    assert torch.equal(answer(), alone[second])
    second.detach()
    with pytest.raises(KpError, match="a detached plugin"):
        logits(model, stale)
    assert torch.equal(answer(), plain), "no plugin is active"
    first.set_active()
    assert torch.equal(answer(), alone[first])
    first.detach()
    assert torch.equal(logits(model, bare), plain)


def test_a_with_block_takes_it_off_also_after_an_error(run):
    model, tokenizer = run.host()
    plugin = run.plugin()
    with pytest.raises(KpError, match="KP784"), plugin.attach(model, tokenizer):
        plugin.encode(TEXTS, padding="widest")
    assert not model._forward_hooks
    assert not model._forward_pre_hooks


# peft, half precision


def test_a_peft_model_classifies_and_generates_with_it(run):
    peft = pytest.importorskip("peft")
    tokenizer = tiny_tokenizer("llama-lm")
    tokenizer.padding_side = "left"
    base = tiny_model("llama-lm", len(tokenizer))
    lora = peft.LoraConfig(
        r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM"
    )
    model = peft.get_peft_model(base, lora).eval()
    bare = tokenizer(PROMPTS, padding=True, return_tensors="pt")
    before = model.generate(**bare, **GREEDY, eos_token_id=None)
    plugin = run.plugin().attach(model, tokenizer, strict=False)
    inputs = plugin.encode(PROMPTS)
    made = model.generate(**inputs, **GREEDY, eos_token_id=None)
    assert torch.equal(made, by_hand(model, inputs, 4))
    first = {"return_dict_in_generate": True, "output_logits": True, "max_new_tokens": 1}
    knows = model.generate(**inputs, **first).logits[0]
    assert not torch.allclose(knows[:2], model.generate(**bare, **first).logits[0][:2], atol=1e-4)
    with model.disable_adapter():
        plain = logits(model, inputs)
    assert not torch.allclose(plain, logits(model, inputs), atol=1e-4)
    plugin.detach()
    assert torch.equal(model.generate(**bare, **GREEDY, eos_token_id=None), before)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_near_to_single_and_detaches_to_the_same_bits(run, dtype):
    model, tokenizer, plugin = classifier(run)
    single = logits(model, plugin.encode(TEXTS))
    model.to(dtype)
    plain = tokenizer(list(TEXTS), padding=True, return_tensors="pt")
    bare = logits(model, plain)
    half = logits(model, plugin.encode(TEXTS))
    assert half.dtype == dtype
    assert torch.allclose(half.float(), single, atol=0.1 * float(single.abs().max()))
    assert not torch.equal(half[0], bare[0])
    plugin.detach()
    assert torch.equal(logits(model, plain), bare)
