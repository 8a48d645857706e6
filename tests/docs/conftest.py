"""The pages, their code blocks, and a folder in which their commands find their files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kpframework.testing.distributions import fake_distribution

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
HOW_TO = ROOT / "docs/how-to/write-a-plugin.md"
TUTORIAL = [
    ROOT / "docs/tutorial-your-knowledge-base.md",
    ROOT / "docs/tutorial-your-model.md",
]
KNOWLEDGE = ROOT / "docs/how-to/bring-your-knowledge-base.md"
CORPUS = ROOT / "docs/how-to/link-a-corpus.md"
_BLOCK = re.compile(r"(?:^`([\w./-]+)`\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced code block; ``file`` is the name that stands above it, if any."""

    page: Path
    file: str
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(language: str = "", pages: list[Path] = PAGES) -> list[Block]:
    found = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start(2)) + 1
            found.append(Block(page, match[1] or "", match[2], match[3], line))
    return [block for block in found if language in ("", block.language)]


@pytest.fixture(scope="session")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The how-to's distribution, as `pip install` would leave it; return its folder."""
    folder = tmp_path_factory.mktemp("kp-plugin-evening")
    write_files(HOW_TO, folder)
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    fake_distribution(
        folder / "src",
        project["name"],
        version=project["version"],
        requires=project["dependencies"],
        entry_points=project["entry-points"]["kpframework"],
    )
    return folder


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory, evening: Path) -> Iterator[Path]:
    """A current folder with the files of the pages; the how-to's plugin is installed."""
    folder = tmp_path_factory.mktemp("workplace")
    for page in TUTORIAL:
        write_files(page, folder)
    write_files(KNOWLEDGE, folder)
    write_files(CORPUS, folder)
    (folder / "my-model").mkdir()
    (folder / "my-model" / "config.json").write_text("{}")
    for name in ("examples", "benchmarks"):
        (folder / name).symlink_to(ROOT / name)
    results = (ROOT / "tests/report/results_example.json").read_text(encoding="utf-8")
    other = results.replace('"name": "quickstart"', '"name": "bigger-kb"')
    runs = {"quickstart": results, "bigger-kb": other, "cities-mine": results}
    for name, content in runs.items():
        (folder / "runs" / name).mkdir(parents=True)
        (folder / "runs" / name / "results.json").write_text(content, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(folder / "config"))
        patch.syspath_prepend(evening / "src")
        yield folder


def write_files(page: Path, folder: Path) -> None:
    """Write a page's named blocks as the files they are."""
    for block in blocks(pages=[page]):
        if block.file:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
