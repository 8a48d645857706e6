"""What the models of a spec cannot serve is refused by ``validate``, at its place."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kpframework.cli.root import run
from kpframework.testing.project import tiny_project

TASK = {"stage": "task", "epochs": 1}
GENERAL = {"stage": "general", "corpus": "descriptions"}
FROZEN = {"id": "frozen", "type": "none"}


def refused(capsys, spec):
    """Return what `validate` says; `plan` says the same."""
    capsys.readouterr()
    assert run(["validate", str(spec)]) == 2
    said = capsys.readouterr().err
    assert run(["plan", str(spec)]) == 2
    assert capsys.readouterr().err == said
    return said


def place(spec, text):
    """Return ``line:column`` of the last occurrence of a text in a spec."""
    content = spec.read_text("utf-8")
    at = content.rindex(text)
    return f"{content.count(chr(10), 0, at) + 1}:{at - content.rfind(chr(10), 0, at)}"


@pytest.mark.parametrize("architecture", ["gpt2-classifier", "llama-classifier"])
def test_a_corpus_on_a_decoder_is_refused_where_it_is_named(tmp_path, capsys, architecture):
    rows = [FROZEN, {"id": "general", "type": "map-tuning", "train": GENERAL}]
    spec = tiny_project(tmp_path, architecture, injections=rows)
    said = refused(capsys, spec)
    assert "KP317" in said
    assert f"spec.json:{place(spec, chr(34) + 'descriptions' + chr(34))}" in said
    assert "injections[general].train.corpus" in said


def test_every_row_that_reads_a_corpus_is_named_at_once(tmp_path, capsys):
    rows = [
        FROZEN,
        {"id": "general", "type": "map-tuning", "train": GENERAL},
        {"id": "pelt", "type": "pelt", "corpus": "descriptions"},
        {"id": "again", "from": "pelt"},
    ]
    said = refused(capsys, tiny_project(tmp_path, "gpt2-classifier", injections=rows))
    assert said.count("KP317") == 2, "a row that reuses another is not named besides"
    assert "2 errors" in said


def test_a_layer_that_no_host_has_is_refused_once_for_all_of_them(tmp_path, capsys):
    rows = [FROZEN, {"id": "fusion", "type": "ernie-fusion", "layer": 7, "train": TASK}]
    hosts = [{"id": name, "adaptation": {"type": name}} for name in ("full", "lora")]
    spec = tiny_project(tmp_path, injections=rows, hosts=hosts)
    said = refused(capsys, spec)
    assert said.count("KP318") == 1
    assert f"spec.json:{place(spec, '7')}" in said
    assert "2 layers (host 'full', 'lora')" in said


def test_an_adaptation_of_a_kind_of_model_nobody_knows_is_refused(tmp_path, capsys):
    hosts = [
        {"id": "named", "adaptation": {"type": "lora", "target_modules": ["query"]}},
        {"id": "low-rank", "adaptation": {"type": "lora"}},
        {"id": "bottleneck", "adaptation": "adapter"},
    ]
    spec = tiny_project(tmp_path, injections=[FROZEN], hosts=hosts)
    config = tmp_path / "backbone" / "config.json"
    model = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**model, "model_type": "novel"}), "utf-8")
    said = refused(capsys, spec)
    assert said.count("KP318") == 2
    assert "hosts[named]" not in said
    assert "'novel'" in said


def test_a_host_without_a_bias_cannot_be_adapted_by_its_biases(tmp_path, capsys):
    hosts = [{"id": "biases", "adaptation": "bitfit"}]
    said = refused(
        capsys, tiny_project(tmp_path, "llama-classifier", injections=[FROZEN], hosts=hosts)
    )
    assert "no bias to train" in said


def test_a_saved_plugin_of_another_width_is_refused(tmp_path, capsys):
    saved = tmp_path / "saved"
    saved.mkdir()
    config = {"kp_format": 1, "host": {"width": 768, "model_type": "bert"}}
    (saved / "kp_config.json").write_text(json.dumps(config), "utf-8")
    rows = [FROZEN, {"id": "saved", "from": "./saved"}]
    spec = tiny_project(tmp_path, injections=rows)
    said = refused(capsys, spec)
    assert "KP319" in said
    assert "768 wide" in said
    assert f"spec.json:{place(spec, chr(34) + './saved' + chr(34))}" in said


def test_nothing_heavy_is_imported_to_tell(tmp_path):
    rows = [FROZEN, {"id": "fusion", "type": "ernie-fusion", "layer": 7, "train": TASK}]
    spec = tiny_project(tmp_path, injections=rows)
    code = (
        "import sys\nfrom kpframework.cli.root import run\n"
        f"code = run(['validate', {str(spec)!r}])\n"
        "print(code, 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["2", "False", "False"], done.stderr


def test_a_checkpoint_of_another_head_is_refused_where_it_is_named(tmp_path, capsys):
    hosts = [{"id": "mine", "checkpoint": "./backbone"}]
    spec = tiny_project(tmp_path, injections=[FROZEN], hosts=hosts)
    config = tmp_path / "backbone" / "config.json"
    model = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**model, "architectures": ["BertForMaskedLM"]}), "utf-8")
    said = refused(capsys, spec)
    assert said.count("KP732") == 1
    assert "hosts[mine].checkpoint" in said
    assert "BertForMaskedLM" in said
    config.write_text(
        json.dumps({**model, "architectures": ["BertForSequenceClassification"]}), "utf-8"
    )
    assert run(["validate", str(spec)]) == 0
