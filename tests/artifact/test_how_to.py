"""The how-to's snippets, one after another, on tiny models in the places the page names."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from kpframework.artifact.digests import sealed
from kpframework.testing.project import entity_name
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

PAGE = Path(__file__).parents[2] / "docs/how-to/use-a-plugin-in-your-model.md"


def test_every_snippet_of_the_page_runs(run, tmp_path, monkeypatch, capsys):
    pytest.importorskip("peft")
    for name, source in {
        "runs/quickstart/plugins/map-task": run.plugins / "names",
        "runs/other-kb/plugins/map-task": run.plugins / "toy",
        "runs/my-decoder/plugins/map": run.plugins / "names",
        "runs/quickstart/hosts/minilm": run.folder / "mine",
    }.items():
        shutil.copytree(source, tmp_path / name)
    tokenizer = tiny_tokenizer("llama-lm")
    tiny_model("llama-lm", len(tokenizer)).save_pretrained(tmp_path / "my-decoder")
    tokenizer.save_pretrained(tmp_path / "my-decoder")
    path = tmp_path / "runs/my-decoder/plugins/map/kp_config.json"
    config = json.loads(path.read_text("utf-8"))
    config["host"] = {"model_type": "llama", "width": config["host"]["width"]}
    path.write_text(json.dumps(sealed(config)), "utf-8")
    pushed: list[tuple[str, Any]] = []

    class Hub:
        def __init__(self, token: Any = None) -> None:
            pushed.append(("token", token))

        def create_repo(self, repo: str, **options: Any) -> Any:
            pushed.append((repo, options["private"]))
            return type("Url", (), {"repo_id": repo})

        def create_branch(self, repo: str, branch: str, exist_ok: bool) -> None:
            pushed.append((repo, branch))

        def upload_folder(self, folder_path: Path, **options: Any) -> str:
            pushed.append((options["commit_message"], options["revision"]))
            assert (folder_path / "kp_config.json").is_file()
            return "done"

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    snippets = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    assert len(snippets) >= 9
    torch.manual_seed(0)
    # The page's words, which the tiny knowledge base has other names for.
    for said in snippets:
        snippet = said.replace("arachnodactyly", entity_name(40))
        exec(compile(snippet, str(PAGE), "exec"), names)  # noqa: S102
    assert len(names["answers"]) == 2
    assert names["made"].shape[1] == names["inputs"]["input_ids"].shape[1] + 5
    assert (tmp_path / "my-plugin" / "kp_config.json").is_file()
    assert pushed[1:] == [
        ("me/hpo-map-tuning", True), ("me/hpo-map-tuning", "v1"), ("First release", "v1"),
    ]  # fmt: skip
