"""What is written down of a run: names and figures, the same in every tool."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kp_plugin_trackers.names import name_of

ARTIFACTS = ("results.json", "report.html", "kp.lock", "spec.json")
"""Files of the run's folder that a tool keeps; spec.json has what a parameter was cut to."""


class Scalar(NamedTuple):
    """A figure of a curve, or a single one."""

    name: str
    value: float
    at: int = 0
    """Epoch of a curve, from 1; 0 where there is one figure."""


def step_scalars(step: Mapping[str, Any]) -> list[Scalar]:
    """Return seconds, whether a step was reused, and its training's curves.

    ``steps/STEP/seconds`` is what the step took when it was made, ``steps/STEP/reused`` is 1 where
    it came from the cache, ``curves/STEP/loss`` and ``curves/STEP/dev`` have a figure an epoch. Of
    a step with several trainings the second on are ``curves/STEP/2/loss`` and so on. STEP is the
    step's name with slashes for brackets: ``host/tuned/typing/seed0``.
    """
    name = step["name"].replace("[", "/").replace("]", "")
    scalars = [
        Scalar(name_of("steps", name, "seconds"), float(step["seconds"])),
        Scalar(name_of("steps", name, "reused"), float(step["reused"])),
    ]
    metrics = step["metrics"]
    own = [metrics] if isinstance(metrics.get("loss"), list) else []
    for number, history in enumerate([*own, *metrics.get("histories", ())], start=1):
        parts = ("curves", name, *([str(number)] if number > 1 else []))
        for kind in ("loss", "dev"):
            for epoch, value in enumerate(history.get(kind) or (), start=1):
                scalars += _finite(Scalar(name_of(*parts, kind), value, epoch))
    return scalars


def result_scalars(results: Mapping[str, Any]) -> list[Scalar]:
    """Return each row's metrics with intervals, and its differences to the baseline.

    ``results/ROW/HOST/TASK/METRIC`` is the mean over seeds, beside it ``METRIC.low`` and
    ``METRIC.high``; ``METRIC.difference`` with ``.low`` and ``.high`` is that to the baseline, and
    ``METRIC.dev`` the mean on dev.
    """
    return [scalar for row in results["rows"] for scalar in _of_row(row)]


def _of_row(row: Mapping[str, Any]) -> Iterator[Scalar]:
    place = ("results", row["injection"], row["host"], row["task"])
    for metric, score in row["metrics"].items():
        yield from _estimate((*place, metric), score)
    difference = row.get("difference") or {"metrics": {}}
    for metric, score in difference["metrics"].items():
        yield from _estimate((*place, f"{metric}.difference"), score)
    dev = row.get("dev") or []
    for metric in [name for name in row["metrics"] if dev and all(name in own for own in dev)]:
        mean = sum(own[metric] for own in dev) / len(dev)
        yield from _finite(Scalar(name_of(*place, f"{metric}.dev"), mean))


def _estimate(place: tuple[str, ...], score: Mapping[str, Any]) -> Iterator[Scalar]:
    *above, name = place
    low, high = score["interval"]
    for end, value in (("", score["mean"]), (".low", low), (".high", high)):
        yield from _finite(Scalar(name_of(*above, f"{name}{end}"), value))


def _finite(scalar: Scalar) -> list[Scalar]:
    """Return nothing for a figure that is not there, such as the score of no example."""
    value = scalar.value
    there = isinstance(value, int | float) and math.isfinite(value)
    return [scalar._replace(value=float(value))] if there else []


def tags_of(results: Mapping[str, Any]) -> dict[str, str]:
    """Return versions and releases.

    ``kpframework.version``, ``package.NAME``, ``plugin.NAME`` (versions), ``kb.ID.release`` (of
    each knowledge base that tells one), ``cells.missing`` (how many rows failed).
    """
    environment = results["environment"]
    tags = {"kpframework.version": str(results["version"])}
    for kind, versions in (("package", "packages"), ("plugin", "plugins")):
        tags |= {f"{kind}.{name}": str(v) for name, v in environment[versions].items()}
    for own in results["knowledge"]:
        if own["kb"].get("release"):
            tags[f"kb.{own['id']}.release"] = str(own["kb"]["release"])
    tags["cells.missing"] = str(sum(row["status"] != "ok" for row in results["rows"]))
    return {name_of(name): value for name, value in tags.items()}


def artifacts_of(folder: Path) -> list[Path]:
    """Return the files that a tool keeps, those that were written."""
    return [folder / name for name in ARTIFACTS if (folder / name).is_file()]
