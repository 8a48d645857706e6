import json

import pytest
import torch
from kp_plugin_ernie.config import ErnieFusionConfig
from kp_plugin_ernie.injector import ErnieFusion, Fusion

from kpframework.api import Context, EntitySpace, Mention, Segment
from kpframework.cli.root import run
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import Collator
from kpframework.inject.encoding import InputEncoder
from kpframework.inject.freezing import freeze
from kpframework.inject.plug import plug
from kpframework.testing.project import tiny_project
from kpframework.testing.tiny import tiny_model, tiny_table, tiny_tokenizer

TEXT = "we went to Lyon again"


def fusion(gate=0.7):
    torch.manual_seed(0)
    module = Fusion(EntitySpace(dim=4, rms=2.0), width=6, hidden=10)
    with torch.no_grad():
        module.gate.fill_(gate)
    return module


def test_fusion_is_the_formula_of_the_paper_with_a_gate():
    module, w, e = fusion(), torch.randn(3, 6), torch.randn(3, 4)
    state = {name: value.detach() for name, value in module.state_dict().items()}
    inner = w @ state["token.weight"].T + state["token.bias"]
    inner = inner + (e / 2) @ state["entity.weight"].T
    h = inner * 0.5 * (1 + torch.erf(inner / 2**0.5))
    back = h @ state["back.weight"].T + state["back.bias"]
    torch.testing.assert_close(module(w, e), w + torch.tanh(torch.tensor(0.7)) * back)


def rig():
    tokenizer = tiny_tokenizer("bert-classifier")
    model = freeze(tiny_model("bert-classifier", len(tokenizer)))
    attachment = Attachment(model)
    injector = ErnieFusion(ErnieFusionConfig(layer=0, train={"stage": "task"}), Context())
    knowledge = plug(attachment, "knowledge", injector, tiny_table())
    start = TEXT.index("Lyon")
    edited = knowledge.edit(Segment(TEXT), [Mention(start, start + 4, "E1")])
    encoder = InputEncoder(tokenizer, 32)
    batch = Collator(tokenizer, encoder.special.pad_id, [knowledge.rows])(
        encoder.encode([[edited]])
    )
    bare = model(**tokenizer(TEXT, return_tensors="pt")).logits
    return model, knowledge, batch, bare


def test_an_untrained_fusion_leaves_the_answer_and_adds_no_position():
    model, _, batch, bare = rig()
    with torch.no_grad():
        assert torch.equal(model(**batch.inputs).logits, bare)


def test_an_open_gate_moves_the_state_of_the_mentions_first_token_alone():
    model, knowledge, batch, _ = rig()
    states = []
    model.bert.encoder.layer[0].register_forward_hook(lambda _m, _a, out: states.append(out))
    inputs = dict(batch.inputs)
    with torch.no_grad():
        model(**inputs)
        knowledge.module.gate.fill_(1.0)
        model(**inputs)
    first, second = (s if torch.is_tensor(s) else s[0] for s in states)
    moved = (first != second).any(-1)[0].nonzero().flatten().tolist()
    codes = batch.inputs["kp_entities"][0]
    assert moved == (codes >= 0).nonzero().flatten().tolist()
    assert len(moved) == 1


@pytest.mark.parametrize(
    "train",
    [
        {"stage": "task", "epochs": 4, "lr": 0.02, "batch_size": 8},
        {"stage": "general", "corpus": "descriptions", "epochs": 1},
        {"stage": "general", "corpus": "descriptions", "epochs": 1, "dea": 0},
    ],
)
def test_a_row_trains_the_fusion_and_never_the_host(tmp_path, train):
    rows = [
        {"id": "frozen", "type": "none"},
        {"id": "fusion", "type": "ernie-fusion", "knowledge": "names", "train": train},
    ]
    spec = tiny_project(tmp_path, injections=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        assert run(["run", str(spec), "-o", str(tmp_path / "out")]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    for row in results["rows"]:
        assert row["plug_and_play"]
        assert row["input_overhead"] == 0


def finished(spec, name="out"):
    folder = spec.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / f"cache-{name}"))
        assert run(["run", str(spec), "-o", str(folder / name)]) == 0
    return json.loads((folder / name / "results.json").read_text("utf-8"))


def test_ernie_trains_its_host_and_says_so_and_two_runs_give_the_same_bits(tmp_path):
    pretrain = {"corpus": "descriptions", "batch_size": 8, "lr": 0.001}
    rows = [
        {"id": "frozen", "type": "none"},
        {"id": "ernie", "type": "ernie", "knowledge": "names", "pretrain": pretrain},
    ]
    spec = tiny_project(tmp_path, injections=rows)
    first = finished(spec)
    found = {}
    for row in first["rows"]:
        assert row["status"] == "ok", row["error"]
        assert row["plug_and_play"] is (row["injection"] == "frozen")
        assert row["trains_host"] is (row["injection"] == "ernie")
        assert row["input_overhead"] == 0
        found[row["injection"], row["task"]] = row["metrics"]
    second = finished(spec, "again")
    assert found == {(r["injection"], r["task"]): r["metrics"] for r in second["rows"]}
    trained = sorted((tmp_path / "cache-out" / "train").glob("*/*/kp_model.safetensors"))
    assert len(trained) == 2
    for own in trained:
        again = tmp_path / "cache-again" / own.relative_to(tmp_path / "cache-out")
        assert own.read_bytes() == again.read_bytes()
        host = "host/model.safetensors"
        assert (own.parent / host).read_bytes() == (again.parent / host).read_bytes()
        facts = json.loads((own.parent / "manifest.json").read_text("utf-8"))["metrics"]
        assert not facts["fingerprint"]["unchanged"]
        pretraining, adaptation = facts["histories"]
        assert pretraining["steps"] == len(pretraining["loss"]) * 6
        assert adaptation["dev"]


def test_ernie_without_masked_tokens_runs_on_a_decoder(tmp_path):
    pretrain = {"corpus": "descriptions", "mlm": False}
    rows = [
        {"id": "frozen", "type": "none"},
        {"id": "ernie", "type": "ernie", "knowledge": "names", "pretrain": pretrain},
    ]
    results = finished(tiny_project(tmp_path, "gpt2-classifier", injections=rows))
    assert all(row["status"] == "ok" for row in results["rows"])
