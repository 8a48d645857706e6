"""Parts two and three of the tutorial, walked from top to bottom with a tiny backbone."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from kpframework.cli.root import run
from kpframework.testing.project import write_backbone

from .conftest import TUTORIAL, blocks, write_files

SMALL = ["backbone.type=hf", "backbone.model=tiny-encoder", "run.threads=1"]
"""In place of the 22 million parameters the pages take, so that a run takes seconds."""
CHANGES = [word for change in SMALL for word in ("--set", change)]
TAKE_IT = ("validate", "run", "lock")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder a reader has in front of them after every command of both pages."""
    folder = tmp_path_factory.mktemp("tutorial")
    for page in TUTORIAL:
        write_files(page, folder)
    write_backbone(folder / "tiny-encoder", "bert-classifier")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(folder / "config"))
        for block in blocks(pages=TUTORIAL):
            if block.language == "sh":
                subprocess.run(["sh", "-ec", block.text], check=True)
            if block.language == "bash":
                for line in block.text.splitlines():
                    follow(shlex.split(line))
    return folder


def follow(words: list[str]) -> None:
    assert words[0] == "kpframework"
    is_of_a_spec = words[1] in TAKE_IT or words[1] == "kb"
    assert run([*words[1:], *(CHANGES if is_of_a_spec else ())]) == 0, shlex.join(words)


def test_every_run_leaves_its_page_and_a_plugin_for_each_trained_row(walked: Path) -> None:
    for name, plugin in (("cities", "map"), ("cities-mine", "map--mine")):
        assert (walked / "runs" / name / "report.html").is_file()
        assert (walked / "runs" / name / "plugins" / plugin / "kp_config.json").is_file()
    assert (walked / "runs/cities-3-seeds/results.json").is_file()


def test_the_users_own_model_is_only_read(walked: Path) -> None:
    left, own = walked / "runs/cities/hosts/minilm", walked / "my-model"
    files = sorted(f.name for f in left.iterdir())
    assert "model.safetensors" in files
    assert sorted(f.name for f in own.iterdir()) == files
    assert all((left / name).read_bytes() == (own / name).read_bytes() for name in files)


def test_the_code_of_the_last_part_prints_what_the_page_says(walked: Path) -> None:
    (code,) = [b for b in blocks("python", TUTORIAL) if b.file]
    expected = [b.text for b in blocks("text", TUTORIAL) if b.page == code.page]
    environment = os.environ | {
        "KPFRAMEWORK_CACHE": str(walked / "cache"),
        "KPFRAMEWORK_CONFIG": str(walked / "config"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, code.file]
    done = subprocess.run(command, cwd=walked, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [done.stdout] == expected
