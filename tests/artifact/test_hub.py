"""Knowledge plugins and the hub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kpframework import KnowledgePlugin, KpError

from .conftest import TEXTS, logits
from .hub_stand_in import hub_stand_in


def test_it_is_fetched_from_the_hub_where_no_folder_has_its_name(run, monkeypatch):
    asked: dict[str, Any] = {}

    def snapshot_download(repository: str, **options: Any) -> str:
        asked.update(options, repository=repository)
        return str(run.plugins / "names")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    plugin = KnowledgePlugin.from_pretrained("someone/umls", revision="abc")
    assert plugin.name == "names"
    assert (asked["repository"], asked["revision"]) == ("someone/umls", "abc")
    assert not any(pattern.endswith((".bin", ".py", "*")) for pattern in asked["allow_patterns"])


def test_a_repository_that_is_not_to_be_had_is_told(monkeypatch):
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(KpError) as error:
        KnowledgePlugin.from_pretrained("someone/umls")
    assert error.value.code == "KP774"
    assert "no connection" in str(error.value)


def test_a_revision_of_a_folder_is_refused(run):
    with pytest.raises(KpError, match="has no revision 'v1'"):
        KnowledgePlugin.from_pretrained(run.plugins / "names", revision="v1")


SECOND = """
import json, sys
import torch, transformers
from safetensors.torch import save_file
from kpframework import KnowledgePlugin, KpError

folder, host, texts, out = sys.argv[1:]
model = transformers.AutoModelForSequenceClassification.from_pretrained(host).eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(host)

def answers(plugin):
    with plugin.attach(model, tokenizer), torch.inference_mode():
        return model(**plugin.encode(json.loads(texts))).logits.clone()

def code(call):
    try:
        call()
    except KpError as error:
        return error.code

moved = KnowledgePlugin.from_pretrained(folder)
refused = code(lambda: moved.push_to_hub("someone/umls", token="hf_wrong"))
info = moved.push_to_hub("someone/umls", private=True, revision="v1", commit_message="Mine")
fetched = KnowledgePlugin.from_pretrained("someone/umls", revision=info.oid)
assert KnowledgePlugin.from_pretrained("someone/umls", revision="v1").config == fetched.config
missing = code(lambda: KnowledgePlugin.from_pretrained("someone/umls", revision="v9"))
save_file({"moved": answers(moved), "fetched": answers(fetched)}, out)
print(json.dumps({"refused": refused, "missing": missing, "oid": info.oid}))
"""


def test_another_process_gets_the_same_bits_from_a_moved_folder_and_from_the_hub(run, tmp_path):
    model, tokenizer = run.host()
    with run.plugin().attach(model, tokenizer) as plugin:
        expected = logits(model, plugin.encode(TEXTS))
    shutil.copytree(run.plugins / "names", tmp_path / "else where" / "plugin")
    shutil.copytree(run.folder / "mine", tmp_path / "host")
    out = tmp_path / "answers.safetensors"
    with hub_stand_in() as hub:
        done = subprocess.run(
            [
                sys.executable, "-c", SECOND, str(tmp_path / "else where" / "plugin"),
                str(tmp_path / "host"), json.dumps(TEXTS), str(out),
            ],
            cwd=tmp_path, capture_output=True, text=True,
            env=os.environ | {
                "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf"),
                "HF_TOKEN": "hf_right", "HF_HUB_DISABLE_XET": "1", "OMP_NUM_THREADS": "1",
                "HF_HUB_DISABLE_TELEMETRY": "1", "KPFRAMEWORK_CONFIG": str(tmp_path / "config"),
            },
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = load_file(out)
    assert torch.equal(answers["moved"], expected)
    assert torch.equal(answers["fetched"], expected)
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["refused"], said["missing"]) == ("KP782", "KP774")
    assert hub.private == {"someone/umls": True}
    assert hub.messages == ["Mine"]
    assert hub.branches["someone/umls"]["v1"] == said["oid"]
    saved = run.plugins / "names"
    files = {p.relative_to(saved).as_posix(): p for p in saved.rglob("*") if p.is_file()}
    pushed = hub.commits[said["oid"]]
    assert pushed.keys() - {".gitattributes"} == files.keys(), "what was there before is gone"
    assert all(pushed[name] == path.read_bytes() for name, path in files.items())
