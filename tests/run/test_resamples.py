"""Cells of different runs are paired where they were scored on the same examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kpframework.api.text import Example, Segment
from kpframework.run.bootstrap import Resampled
from kpframework.run.resamples import cell_resamples

EXAMPLES = [Example(str(i), (Segment(f"text {i}"),), i % 2, group=str(i // 2)) for i in range(6)]
METRICS = {"accuracy": Resampled(0.5, np.zeros(4))}


def changed(**values) -> list[Example]:
    return [replace(EXAMPLES[0], **values), *EXAMPLES[1:]]


def test_the_same_examples_and_seeds_can_be_paired():
    own = cell_resamples(METRICS, EXAMPLES, [0, 1])
    assert own.obstacle(cell_resamples(METRICS, list(EXAMPLES), [0, 1])) == ""


@pytest.mark.parametrize(
    "others",
    [
        EXAMPLES[::-1],
        EXAMPLES[1:],
        changed(id="other"),
        changed(target=1),
        changed(group="other"),
        # Episodes of two files may have the same ids, targets and groups.
        changed(segments=(Segment("another text"),)),
    ],
    ids=["order", "number", "id", "target", "group", "text"],
)
def test_other_examples_cannot(others):
    own = cell_resamples(METRICS, EXAMPLES, [0])
    assert "the test examples" in own.obstacle(cell_resamples(METRICS, others, [0]))


def test_other_seeds_cannot():
    own = cell_resamples(METRICS, EXAMPLES, [0])
    assert "the seeds are not the same" in own.obstacle(cell_resamples(METRICS, EXAMPLES, [1]))
