"""Sentences written from the numbers, which claim no more than the intervals allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kpframework.report import numbers
from kpframework.report.grid import Verdict, host_moved, verdict
from kpframework.report.model import Estimate, Results, Row, primary_metric
from kpframework.safe import safe_line


@dataclass(frozen=True)
class Finding:
    """One row in a sentence: who, what the numbers are, what they mean."""

    subject: str
    numbers: str
    reading: str
    verdict: Verdict


def findings(results: Results) -> list[Finding]:
    """Return one finding for each row that is compared, in the table's order."""
    many_tasks = len(results["tasks"]) > 1
    many_hosts = len({row["host"] for row in results["rows"]}) > 1
    found = []
    for task in results["tasks"]:
        metric = primary_metric(task)
        rows = [r for r in results["rows"] if r["task"] == task["id"] and r["status"] == "ok"]
        for row in rows:
            estimate = _difference(row, metric)
            if estimate is None or (row.get("control") and control_target(row, rows)):
                continue
            subject = safe_line(row["injection"])
            subject += f" on {safe_line(row['host'])}" if many_hosts else ""
            subject += f" ({safe_line(task['id'])})" if many_tasks else ""
            controls = [r for r in rows if control_target(r, rows) is row]
            found.append(
                Finding(
                    subject,
                    _numbers(row, estimate, metric),
                    _reading(row, estimate, controls, metric),
                    verdict(estimate),
                )
            )
    return found


def _numbers(row: Row, estimate: Estimate, metric: str) -> str:
    score = numbers.percent(row.get("metrics", {}).get(metric, {"mean": None})["mean"])
    name = safe_line(numbers.metric_name(metric))
    return f"{score} % {name}, {_change(row, estimate)}"


def _change(row: Row, estimate: Estimate) -> str:
    difference = row.get("difference")
    against = safe_line(difference["baseline"]) if difference else "the baseline"
    interval = numbers.points_interval(estimate.get("interval"))
    points = f"{numbers.points(estimate['mean'])} points against {against}"
    return f"{points} {interval}".rstrip()


def _reading(row: Row, estimate: Estimate, controls: Sequence[Row], metric: str) -> str:
    direction = verdict(estimate)
    if direction == "unclear":
        text = "No clear difference: the interval includes 0."
    elif direction == "loss":
        text = "Worse than the baseline."
    elif direction == "gain":
        text = "A clear gain."
    else:
        text = "No difference could be computed."
    parts = [text]
    if row.get("control"):
        parts.append("This row is a control: its vectors carry no knowledge.")
    elif direction == "gain":
        parts += [_control_reading(estimate, control, metric) for control in controls]
        if not controls:
            parts.append(
                "No control repeats it with other vectors, so knowledge and extra parameters "
                "are not told apart."
            )
    else:
        parts += [_control_numbers(control, metric) + "." for control in controls]
    if row.get("trains_host"):
        parts.append("It trains the host, so it is not plug-and-play.")
    if host_moved(row):
        parts.append("It changed a host that it should have left frozen: do not trust it.")
    return " ".join(parts)


def _control_numbers(control: Row, metric: str) -> str:
    estimate = _difference(control, metric)
    name = f"{safe_line(control.get('control')).capitalize()} control"
    if estimate is None:
        return f"{name}: no difference could be computed"
    interval = numbers.points_interval(estimate.get("interval"))
    return f"{name}: {numbers.points(estimate['mean'])} {interval}".rstrip()


def _control_reading(estimate: Estimate, control: Row, metric: str) -> str:
    said = _control_numbers(control, metric)
    other = _difference(control, metric)
    if other is None:
        return f"{said}."
    above = _bound(estimate, 0) > _bound(other, 1)
    if verdict(other) == "gain":
        if above:
            return (
                f"{said}: the control gains as well but clearly less, so a part of the gain comes "
                "from the extra parameters and the rest from what the vectors hold."
            )
        return (
            f"{said}: the control gains as well, so the extra parameters may explain the gain; "
            "that the knowledge brings it is not shown."
        )
    if above:
        return f"{said}: what the vectors hold, not the extra parameters, brings the gain."
    return (
        f"{said}: the control shows no clear gain, but the two intervals overlap, so how much of "
        "the gain the vectors bring stays open."
    )


def _bound(estimate: Estimate, side: int) -> float:
    interval = estimate.get("interval") or ()
    bound = interval[side] if len(interval) == 2 else None
    return float("nan") if bound is None else bound


def control_target(control: Row, rows: Sequence[Row]) -> Row | None:
    """Return the row that a control repeats, if that is certain.

    The run says so in ``control_of``. Without it, the row is meant whose id the control's id begins
    with, or else the only one of the same method, host and knowledge.
    """
    if not control.get("control"):
        return None
    peers = [
        row
        for row in rows
        if not row.get("control")
        and row["host"] == control["host"]
        and row["task"] == control["task"]
    ]
    named = control.get("control_of")
    if named:
        return next((row for row in peers if row["injection"] == named), None)
    alike = [
        row
        for row in peers
        if row.get("method", {}).get("type") == control.get("method", {}).get("type")
        and row.get("knowledge") == control.get("knowledge")
    ]
    prefixed = [row for row in alike if control["injection"].startswith(row["injection"] + "-")]
    if prefixed:
        return max(prefixed, key=lambda row: len(row["injection"]))
    return alike[0] if len(alike) == 1 else None


def _difference(row: Row, metric: str) -> Estimate | None:
    difference = row.get("difference")
    return difference["metrics"].get(metric) if difference else None
