"""What the pages say is done: commands, specs, code, links, generated pages.

`kpframework run` and `explain` of the pages' specs take minutes; CI runs them in full. Here their
arguments are parsed as they stand and the spec is planned (run) or validated (explain).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from kpframework.cli.root import cli, run
from kpframework.errors import SpecError
from kpframework.spec import load_spec

from .conftest import HOW_TO, PAGES, ROOT, TUTORIAL, Block, blocks

MISSING_FILE = "KP305"


def commands() -> list[list[str]]:
    """Return every kpframework command of a bash block once, without the program's name."""
    found: dict[tuple[str, ...], None] = {}
    for block in blocks("bash"):
        for line in block.text.splitlines():
            for part in line.split(" && "):
                words = shlex.split(part, comments=True)
                if words and Path(words[0]).name == "kpframework":
                    found[tuple(words[1:])] = None
    return [list(words) for words in found]


LONG = ("run", "explain")
SERVERS = ("serve",)
"""Commands that never end by themselves; their plugins' own tests start them."""


@pytest.mark.parametrize(
    "arguments", [c for c in commands() if c[0] not in LONG + SERVERS], ids=shlex.join
)
def test_a_command_of_a_page_works(
    workplace: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 0, capsys.readouterr().err
    shown = capsys.readouterr()
    assert shown.out or shown.err


@pytest.mark.parametrize("arguments", [c for c in commands() if c[0] in LONG], ids=shlex.join)
def test_a_run_or_explain_of_a_page_parses_and_its_spec_is_planned_or_validated_instead(
    workplace: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name, *rest = arguments
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = command.make_context(name, rest).params
    spec = options["spec"]
    if not spec.is_file():
        pytest.skip(f"{spec} is not there")
    if missing_files(spec):
        pytest.skip(f"the data of {spec} are not there")
    changes = [word for change in options["overrides"] for word in ("--set", change)]
    instead = "plan" if name == "run" else "validate"
    assert run([instead, str(spec), *changes]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("arguments", [c for c in commands() if c[0] in SERVERS], ids=shlex.join)
def test_a_server_of_a_page_has_the_options_it_is_started_with(arguments: list[str]) -> None:
    name, *rest = arguments
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.make_context(name, rest).params["sources"]


def missing_files(spec: Path) -> bool:
    """Return whether files it names, and nothing else, keep a spec from being right."""
    try:
        load_spec(spec)
    except SpecError as error:
        if {problem.code for problem in error.problems} != {MISSING_FILE}:
            raise
        return True
    return False


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_of_a_page_parses_and_a_whole_spec_is_valid_but_for_files_that_are_not_there(
    workplace: Path, block: Block, tmp_path: Path
) -> None:
    content = json.loads(block.text)
    if not {"name", "tasks", "hosts"} <= content.keys():
        return
    folder = workplace if block.page in TUTORIAL else tmp_path
    spec = folder / (block.file or "spec.json")
    spec.write_text(block.text, encoding="utf-8")
    assert not missing_files(spec) or block.page not in TUTORIAL


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_of_a_page_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


def test_the_plugin_of_the_how_to_passes_its_own_tests_a_run_included(
    evening: Path, tmp_path: Path
) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(evening / "src"),
        "KPFRAMEWORK_CONFIG": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, cwd=evening, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_how_to_shows_every_file_of_its_tree() -> None:
    shown = {Path(block.file).name for block in blocks(pages=[HOW_TO]) if block.file}
    tree = blocks("text", pages=[HOW_TO])[0].text
    assert set(re.findall(r"\w+\.(?:py|toml)", tree)) <= shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in anchors(file), f"{target}: no such heading"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


def test_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs/generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contrib_plugin_says_how_many_lines_it_has() -> None:
    folder = ROOT / "contrib/kp-plugin-csv-kb"
    lines = {f.stem: len(f.read_text().splitlines()) for f in folder.glob("src/*/*.py")}
    text = " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    assert f"{sum(lines.values())} lines of Python" in text
    assert f"the knowledge base has {lines['kb']} and the mapper {lines['mapper']}" in text
