"""The commands of docs/how-to/serve.md, on a run as small as can be."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kpframework.cli.root import run as command_line

PAGE = Path(__file__).parents[3] / "docs/how-to/serve.md"
INSTEAD = {"map-task": "concat", "HP:0001166": "E40"}


def commands(program: str) -> list[list[str]]:
    """Return the page's commands of a program, with the names of the tiny run."""
    text = PAGE.read_text("utf-8")
    for old, new in INSTEAD.items():
        text = text.replace(old, new)
    lines = [
        line
        for block in re.findall(r"```bash\n(.*?)```", text, re.S)
        for line in block.splitlines()
    ]
    return [shlex.split(line)[1:] for line in lines if line.startswith(program + " ")]


@pytest.fixture(scope="module")
def address(run):
    """The address the page's first command serves at."""
    first = [word.replace("runs/quickstart", str(run)) for word in commands("kpframework")[0]]
    process = subprocess.Popen(
        [sys.executable, "-m", "kpframework", *first, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"KPFRAMEWORK_CONFIG": str(run / "config")},
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if found := re.match(r"serving +(http://\S+?)/ ", line):
            break
    else:
        pytest.fail("".join(lines))
    yield found[1]
    process.terminate()
    assert process.wait(20) in (0, -15)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_question_of_the_page_is_answered(address):
    asked = commands("curl")
    assert len(asked) == 5
    for words in asked:
        own = [word.replace("http://127.0.0.1:8000", address) for word in words]
        done = subprocess.run(
            ["curl", "--fail", "--noproxy", "*", *own], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "error" not in json.loads(done.stdout)


def test_a_folder_that_is_not_there_is_told_with_a_code_by_the_command(capsys):
    assert command_line(["serve", "nowhere", "--port", "0"]) == 1
    assert "KP860" in capsys.readouterr().err
