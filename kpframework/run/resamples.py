"""``resamples.safetensors``: what lets rows of different runs be compared in pairs.

For each cell of a table, the value of every metric on every bootstrap resample. Resamples are drawn
the same way in every run, so the difference of two cells' values is the paired bootstrap of their
difference, without the task's code, its data or its plugin. The header says what has to agree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kpframework.api.text import Example
from kpframework.errors import KpError
from kpframework.run.bootstrap import Resampled, draws_digest, estimate
from kpframework.run.record import write_atomic

RESAMPLES_FILE = "resamples.safetensors"
_HEADER = "kpframework"
_FORMAT = 2

Place = tuple[str, str, str]
"""Injection, host and task: names a cell."""


@dataclass(frozen=True)
class CellResamples:
    """A cell's metrics on every resample, and what a cell it is paired with must share."""

    seeds: tuple[int, ...]
    ids: str
    """Digest of the test examples' ids, in any order."""
    examples: str
    """Digest of their ids, texts, targets and groups, in order."""
    draws: str
    """Digest of what was drawn."""
    metrics: Mapping[str, Resampled] = field(repr=False)

    def obstacle(self, other: CellResamples) -> str:
        """Return why the two cannot be paired; empty if they can."""
        if self.ids != other.ids:
            return "the test examples are not the same"
        if self.examples != other.examples:
            return (
                "the test examples have other texts, other targets, another order or other groups"
            )
        if self.seeds != other.seeds:
            shown = (", ".join(map(str, seeds)) for seeds in (self.seeds, other.seeds))
            return "the seeds are not the same: " + " and ".join(shown)
        if self.draws != other.draws:
            return "the resamples were drawn by different versions"
        return ""

    def difference(self, other: CellResamples, confidence: float) -> dict[str, dict[str, Any]]:
        """Return this cell less another, for each metric that both have.

        Args:
            other: a cell without an `obstacle`.
            confidence: level of the intervals.
        """
        return {
            name: estimate(own, other.metrics[name], confidence=confidence)["difference"]
            for name, own in self.metrics.items()
            if name in other.metrics
        }


def cell_resamples(
    metrics: Mapping[str, Resampled], examples: Sequence[Example], seeds: Sequence[int]
) -> CellResamples:
    """Return a cell's resamples with the digests of what they were made from."""
    ids = sorted(example.id for example in examples)
    whole = [[e.id, e.target, e.group, [s.text for s in e.segments]] for e in examples]
    return CellResamples(
        seeds=tuple(seeds),
        ids=_digest(ids),
        examples=_digest(whole),
        draws=draws_digest(len(examples), len(seeds), groups=[e.group for e in examples]),
        metrics=metrics,
    )


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_resamples(folder: Path, cells: Mapping[Place, CellResamples]) -> None:
    """Write `RESAMPLES_FILE` into a run's folder, whole or not at all.

    Raises:
        KpError: KP503, it cannot be written.
    """
    from safetensors.numpy import save

    tensors, index = {}, []
    for number, (place, cell) in enumerate(cells.items()):
        values = [found.values for found in cell.metrics.values()]
        tensors[str(number)] = np.stack(values).astype("<f8")
        index.append(
            {
                "place": list(place),
                "seeds": list(cell.seeds),
                "ids": cell.ids,
                "examples": cell.examples,
                "draws": cell.draws,
                "metrics": {name: found.mean for name, found in cell.metrics.items()},
            }
        )
    header = json.dumps({"format": _FORMAT, "cells": index}, allow_nan=False)
    write_atomic(folder / RESAMPLES_FILE, save(tensors, {_HEADER: header}))


def read_resamples(folder: Path) -> dict[Place, CellResamples]:
    """Return the cells of a run's folder; none where an older version left none that can be used.

    Raises:
        KpError: KP811, the file is damaged, or of a format that this version does not read.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / RESAMPLES_FILE
    if not path.is_file():
        return {}
    try:
        with safe_open(str(path), framework="numpy") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            if header["format"] < _FORMAT:
                return {}
            if header["format"] != _FORMAT:
                raise ValueError(f"its format is {header['format']!r}, not {_FORMAT}")
            return {
                _place(own): _cell(own, file.get_tensor(str(number)))
                for number, own in enumerate(header["cells"])
            }
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KpError(
            "KP811",
            f"cannot read {path}: {type(error).__name__}: {error}",
            "run the spec again: steps that are done are reused",
            where=str(path),
        ) from error


def _place(own: Mapping[str, Any]) -> Place:
    injection, host, task = own["place"]
    return str(injection), str(host), str(task)


def _cell(own: Mapping[str, Any], values: Any) -> CellResamples:
    means = own["metrics"]
    if values.ndim != 2 or len(values) != len(means) or not np.isfinite(values).all():
        raise ValueError("the values of a cell do not fit its metrics, or are not finite")
    metrics = {
        name: Resampled(float(mean), np.asarray(row, np.float64))
        for (name, mean), row in zip(means.items(), values, strict=True)
    }
    seeds = tuple(int(seed) for seed in own["seeds"])
    return CellResamples(seeds, own["ids"], own["examples"], own["draws"], metrics)
