"""Annotated documents as a corpus of a spec."""

from pathlib import Path

import pytest

from kpframework.api import ComponentRef, Context, Entity, KBProvider
from kpframework.kb.store import build_store
from kpframework.plugins import load
from kpframework.run.examples_file import read_examples
from kpframework.run.step import StepContext
from kpframework.run.steps.knowledge import corpus
from kpframework.spec.models import CorpusSection
from kpframework.spec.resolve import bind_ref

LINES = (
    "1|t|Ulm and Bonn.\n1|a|\n"
    "1\t0\t3\tUlm\tCity\tD1\n1\t8\t12\tBonn\tCity\tD9\n1\t4\t8\tBonn\tCity\tD1\n\n"
    "2|t|No city.\n"
)


class Cities(KBProvider):
    def entities(self):
        yield Entity("Q1", "Ulm", xrefs=("MESH:D1",))

    def triples(self):
        yield from ()


@pytest.fixture
def step(tmp_path: Path) -> StepContext:
    for name in ("kb", "out", "scratch"):
        (tmp_path / name).mkdir()
    build_store(Cities(None, Context()), tmp_path / "kb", "cities", Context())
    inputs = {"kb": tmp_path / "kb"}
    return StepContext({}, tmp_path / "out", tmp_path / "scratch", inputs, {}, Context().progress)


def test_a_pubtator_file_is_a_corpus_whose_ids_are_looked_up_in_their_space(
    tmp_path: Path, step: StepContext
) -> None:
    path = tmp_path / "c.pubtator"
    path.write_text(LINES, "utf-8")
    linker = bind_ref("linker", ComponentRef(type="annotated", id_space="MESH"), load())
    section = CorpusSection(id="c", path=str(path))
    facts = corpus(section, linker)(step)
    assert (facts["passages"], facts["mentions"], facts["misplaced_annotations"]) == (2, 1, 1)
    assert facts["statistics"]["unknown_ids"] == 1
    assert facts["misplaced"] == [f"{path}:5: at 4:8 stands 'and ', not 'Bonn'"]
    texts = [e.segments[0].text for e in read_examples(step.output / "passages.jsonl")]
    assert texts == ["Ulm and Bonn. ", "No city."]
    assert '"Q1"' in (step.output / "mentions.jsonl").read_text("utf-8")


def test_a_limit_reads_no_further(tmp_path: Path, step: StepContext) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"text": "Ulm"}\nno JSON\n', "utf-8")
    linker = bind_ref("linker", ComponentRef(type="annotated"), load())
    facts = corpus(CorpusSection(id="c", path=str(path), limit=1), linker)(step)
    assert facts["passages"] == 1
