"""A comparison as unrounded values: JSON, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kpframework.report.compare_model import Comparison, Line, Score
from kpframework.report.model import Memory, Row
from kpframework.safe import safe_line

_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Costs:
    """What a line costs, over the tasks that are shown."""

    parameters: int | None
    """The most of any task."""
    train_seconds: float | None
    """Mean over tasks and seeds."""
    memory: Memory | None
    """The most of any task and seed."""
    ms_per_example: float | None
    input_overhead: float | None
    kb_update: str


def costs_of(line: Line) -> Costs:
    """Return the costs of a line's finished rows."""
    ok = [row for row in line.rows if row["status"] == "ok"]
    memories = [memory for row in ok if (memory := row.get("memory"))]
    process = [most for memory in memories if (most := memory["process"])]
    accelerator = [most for memory in memories if (most := memory.get("accelerator"))]
    memory = Memory(process=max(process, default=None), accelerator=max(accelerator, default=None))
    return Costs(
        parameters=max((p for row in ok if (p := row.get("parameters")) is not None), default=None),
        train_seconds=_mean([row.get("seconds", {}).get("train") for row in ok]),
        memory=memory if memories else None,
        ms_per_example=_mean([row.get("ms_per_example") for row in ok]),
        input_overhead=_mean([row.get("input_overhead") for row in ok]),
        kb_update=", ".join(dict.fromkeys(k for row in line.rows if (k := row.get("kb_update")))),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def comparison_values(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON: unrounded, in the units of ``results.json``."""
    return {
        "runs": [
            {
                "label": run.label,
                "name": run.results["name"],
                "source": str(run.source),
                "version": run.results.get("version"),
                "created": run.results.get("created"),
                "seeds": run.results["seeds"],
                "confidence": run.results.get("confidence"),
                "resamples": run.results.get("resamples"),
            }
            for run in comparison.runs
        ],
        "baseline": comparison.baseline,
        "columns": [{"task": task, "metric": metric} for task, metric in comparison.columns],
        "rows": [_row_values(line, comparison) for line in comparison.lines],
        "notes": comparison.notes,
    }


def _row_values(line: Line, comparison: Comparison) -> dict[str, Any]:
    costs, first = costs_of(line), line.rows[0]
    return {
        "label": line.label,
        "run": line.run.label,
        "injection": line.injection,
        "host": line.host,
        "method": _method(first),
        "control": first.get("control"),
        "trains_host": any(row.get("trains_host") for row in line.rows),
        "plug_and_play": line.plug_and_play,
        "kb_update": costs.kb_update or None,
        "scores": [
            _score_values(task, metric, score)
            for (task, metric), score in zip(comparison.columns, line.scores, strict=True)
        ],
        "parameters": costs.parameters,
        "train_seconds": costs.train_seconds,
        "memory": costs.memory,
        "ms_per_example": costs.ms_per_example,
        "input_overhead": costs.input_overhead,
    }


def _method(row: Row) -> str | None:
    method = row.get("method")
    return method["type"] if method else None


def _score_values(task: str, metric: str, score: Score) -> dict[str, Any]:
    own, change = score.estimate, score.difference
    return {
        "task": task,
        "metric": metric,
        "status": score.row["status"] if score.row else "missing",
        "mean": own["mean"] if own else None,
        "interval": own.get("interval") if own else None,
        "best": score.best,
        "baseline": score.baseline or None,
        "difference": None
        if change is None
        else {
            "mean": change["mean"],
            "interval": change.get("interval"),
            "excludes_zero": change.get("excludes_zero"),
        },
    }


def comparison_csv(comparison: Comparison) -> str:
    """Return the comparison as CSV, unrounded; no text of it acts as a spreadsheet's formula."""
    heads = ["row", "run", "injection", "host", "method", "control", "trains_host"]
    heads += ["plug_and_play", "kb_update"]
    parts = ("mean", "low", "high", "baseline", "difference", "difference_low", "difference_high")
    columns = [f"{task} {metric}" for task, metric in comparison.columns]
    costs = ["parameters", "train_seconds", "process_bytes", "accelerator_bytes"]
    costs += ["ms_per_example", "input_overhead"]
    table = [[*heads, *(f"{column} {part}" for column in columns for part in parts), *costs]]
    for line in comparison.lines:
        own = _row_values(line, comparison)
        cells = [own["label"], *(own[name] for name in heads[1:])]
        for score in own["scores"]:
            change = score["difference"] or {}
            cells += [score["mean"], *_bounds(score["interval"]), score["baseline"]]
            cells += [change.get("mean"), *_bounds(change.get("interval"))]
        memory = own["memory"] or {}
        cells += [own["parameters"], own["train_seconds"], memory.get("process")]
        cells += [memory.get("accelerator"), own["ms_per_example"], own["input_overhead"]]
        table.append(cells)
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([map(_csv_cell, line) for line in table])
    return file.getvalue()


def _bounds(interval: Sequence[float | None] | None) -> list[float | None]:
    return list(interval) if interval and len(interval) == 2 else [None, None]


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = safe_line(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
