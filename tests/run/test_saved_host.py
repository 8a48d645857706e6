"""A run keeps its hosts so that they can be loaded without its spec, whatever adapted them."""

import json
import shutil

import pytest
import torch

from kpframework import KnowledgePlugin, KpError, load_host
from kpframework.cli.root import run as command_line
from kpframework.testing.project import entity_name, tiny_project, tiny_spec
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

STAGE = {"stage": "task", "epochs": 1, "lr": 0.02, "batch_size": 16}
ONE = {"epochs": 1, "lr": 0.002}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hosts")
    spec = tiny_project(
        folder,
        tasks=tiny_spec()["tasks"][:1],
        hosts=[{"id": kind, "adaptation": {"type": kind, **ONE}} for kind in ("full", "lora")],
        injections=[
            {"id": "frozen", "type": "none"},
            {"id": "map", "type": "map-tuning", "knowledge": "names", "train": STAGE},
        ],
        corpora=[],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(folder / "config"))
        patch.chdir(folder)
        assert command_line(["run", str(spec), "-q"]) == 0
    return folder


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_kept_host_answers_as_it_was_scored(folder, kind):
    host = load_host(folder / "runs/tiny/hosts" / kind)
    assert host.head == "sequence-classification"
    assert host.labels == tuple(host.task.labels) == ("capital", "system")
    plugin = KnowledgePlugin.from_pretrained(folder / f"runs/tiny/plugins/map--{kind}")
    plugin.attach(host.model, host.tokenizer)
    lines = (folder / "runs/tiny/results.jsonl").read_text("utf-8").splitlines()
    scored = [own for own in map(json.loads, lines) if own["host"] == kind]
    assert scored
    name = entity_name(40)
    text = f"The patient has {name} and long fingers."
    segment = host.task.segment(text, [(16, 16 + len(name))])
    with torch.inference_mode():
        logits = host.model(**plugin.encode([segment])).logits.numpy()
    decided = host.task.decide(logits, plugin.config["calibration"])[0]
    (expected,) = [own for own in scored if own["id"] == "test-40-0" and own["injection"] == "map"]
    assert host.task.show(decided) == expected["decision"]


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_loading_and_plugging_leave_the_callers_random_numbers_alone(folder, kind):
    """A training of the caller's own, seeded before, has to differ between its seeds."""
    torch.manual_seed(123)
    expected = torch.rand(4)
    torch.manual_seed(123)
    host = load_host(folder / "runs/tiny/hosts" / kind)
    plugin = KnowledgePlugin.from_pretrained(folder / f"runs/tiny/plugins/map--{kind}")
    plugin.attach(host.model, host.tokenizer)
    assert torch.equal(torch.rand(4), expected)


def test_a_kept_host_decides_alone_as_its_row_did(folder):
    host = load_host(folder / "runs/tiny/hosts/full")
    results = json.loads((folder / "runs/tiny/results.json").read_text("utf-8"))
    (alone,) = [
        row for row in results["rows"] if (row["injection"], row["host"]) == ("frozen", "full")
    ]
    assert host.calibration == {
        key: value for key, value in alone["calibration"][0].items() if key != "seed"
    }
    assert "threshold" in host.calibration


def test_a_task_whose_files_are_gone_is_told_and_the_host_still_loads(folder, tmp_path):
    copy = shutil.copytree(folder / "runs/tiny/hosts/full", tmp_path / "full")
    record = json.loads((copy / "kp_host.json").read_text("utf-8"))
    record["task"]["data"]["train"] = str(tmp_path / "gone.jsonl")
    (copy / "kp_host.json").write_text(json.dumps(record), "utf-8")
    host = load_host(copy)
    assert host.task is None
    assert "gone.jsonl" in host.task_problem
    assert host.labels == ("capital", "system")


@pytest.mark.parametrize("change", [{"kp_format": 9}, {"labels": 3}, {"task": {}}])
def test_a_damaged_record_is_refused(folder, tmp_path, change):
    copy = shutil.copytree(folder / "runs/tiny/hosts/full", tmp_path / "full")
    record = json.loads((copy / "kp_host.json").read_text("utf-8"))
    (copy / "kp_host.json").write_text(json.dumps(record | change), "utf-8")
    with pytest.raises(KpError) as error:
        load_host(copy)
    assert error.value.code == "KP734"


@pytest.mark.parametrize(
    ("architecture", "head"), [("bert-masked-lm", "masked-lm"), ("gpt2-lm", "causal-lm")]
)
def test_a_language_model_from_elsewhere_loads_with_its_own_head(tmp_path, architecture, head):
    tokenizer = tiny_tokenizer(architecture)
    tiny_model(architecture, len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    host = load_host(tmp_path)
    assert (host.head, host.labels, host.task) == (head, (), None)


@pytest.mark.parametrize("content", [None, "{broken", "{}"])
def test_a_model_without_a_tokenizer_is_refused(tmp_path, content):
    tiny_model("bert-masked-lm", len(tiny_tokenizer("bert-masked-lm"))).save_pretrained(tmp_path)
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(KpError, match="holds no tokenizer") as error:
        load_host(tmp_path)
    assert error.value.code == "KP731"


def test_a_model_without_a_head_is_refused(folder):
    with pytest.raises(KpError) as error:
        load_host(folder / "backbone")
    assert error.value.code == "KP733"
