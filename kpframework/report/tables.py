"""The page's further tables: subsets, every metric, methods, frozen hosts."""

from __future__ import annotations

from dataclasses import dataclass

from kpframework.report import numbers
from kpframework.report.figures import row_name
from kpframework.report.grid import (
    EXAMPLE_NOTE,
    TRAIN_NOTE,
    TRAINED_NOTE,
    Cell,
    Column,
    Grid,
    difference_cell,
    host_moved,
    score_cell,
    warnings_of,
)
from kpframework.report.model import Memory, Results, Row, TaskInfo, primary_metric
from kpframework.safe import safe_line

OVERHEAD_NOTE = (
    "positions that the injection adds to an input, less those of the user's tokens it replaces; "
    "tokens it pushes out are counted apart"
)


@dataclass(frozen=True)
class Titled:
    """A table with its caption."""

    caption: str
    grid: Grid


def _rows(results: Results, task: TaskInfo) -> list[Row]:
    return [r for r in results["rows"] if r["task"] == task["id"] and r["status"] == "ok"]


def _name(row: Row, results: Results) -> Cell:
    return Cell(row_name(row, results), ", ".join(warnings_of(row)))


def subset_tables(results: Results) -> list[Titled]:
    """Return for each task the scores on each subset of the test examples."""
    tables = []
    for task in results["tasks"]:
        metric, rows = primary_metric(task), _rows(results, task)
        names = list(dict.fromkeys(s["name"] for row in rows for s in row.get("subsets") or ()))
        if not names:
            continue
        columns = [Column("row", numeric=False)]
        for name in names:
            columns += [Column(safe_line(name)), Column("difference")]
        lines = []
        for row in rows:
            own = {subset["name"]: subset for subset in row.get("subsets") or ()}
            line = [_name(row, results)]
            for name in names:
                subset = own.get(name)
                if subset is None:
                    line += [Cell(numbers.NONE)] * 2
                    continue
                score = score_cell(subset["metrics"].get(metric)).text
                line.append(Cell(score, f"n={numbers.count(subset['count'])}"))
                line.append(difference_cell(subset.get("difference"), metric))
            lines.append(tuple(line))
        shown = safe_line(numbers.metric_name(metric))
        caption = f"{safe_line(task['id'])}: {shown} in %, differences in points"
        tables.append(Titled(caption, Grid(tuple(columns), tuple(lines))))
    return tables


def class_tables(results: Results) -> list[Titled]:
    """Return for each task the scores on the test examples of each class, a line a class."""
    tables = []
    for task in results["tasks"]:
        metric, rows = primary_metric(task), _rows(results, task)
        rows = [row for row in rows if row.get("classes")]
        sizes = {own["name"]: own["count"] for row in rows for own in row.get("classes") or ()}
        if not sizes:
            continue
        columns = [Column("class", numeric=False), Column("examples")]
        scores = []
        for row in rows:
            columns.append(Column(row_name(row, results)))
            if row.get("difference"):
                columns.append(Column("difference"))
            scores.append({own["name"]: own for own in row.get("classes") or ()})
        lines = []
        for name, size in sizes.items():
            line = [Cell(safe_line(name)), Cell(numbers.count(size))]
            for row, own in zip(rows, scores, strict=True):
                found = own.get(name)
                line.append(score_cell(found["metrics"].get(metric) if found else None))
                if row.get("difference"):
                    line.append(difference_cell(found.get("difference") if found else None, metric))
            lines.append(tuple(line))
        shown = safe_line(numbers.metric_name(metric))
        caption = f"{safe_line(task['id'])}: {shown} in % of the examples of each class"
        tables.append(Titled(caption, Grid(tuple(columns), tuple(lines))))
    return tables


def metric_tables(results: Results) -> list[Titled]:
    """Return for each task every metric, with each seed's value."""
    tables = []
    for task in results["tasks"]:
        columns = (
            Column("row", numeric=False),
            Column("metric", numeric=False),
            Column("mean %"),
            Column("each seed %"),
            Column("difference"),
            Column("chosen on dev"),
        )
        lines = []
        for row in _rows(results, task):
            metrics = row.get("metrics", {})
            for metric in [
                *(m for m in task["metrics"] if m in metrics),
                *sorted(m for m in metrics if m not in task["metrics"]),
            ]:
                estimate = metrics[metric]
                each = [numbers.percent(value) for value in estimate.get("per_seed") or ()]
                lines.append(
                    (
                        _name(row, results),
                        Cell(safe_line(numbers.metric_name(metric))),
                        score_cell(estimate),
                        Cell(", ".join(each) or numbers.NONE),
                        difference_cell(row.get("difference"), metric),
                        Cell(_calibration(row)),
                    )
                )
        if lines:
            tables.append(Titled(safe_line(task["id"]), Grid(columns, tuple(lines))))
    return tables


def _calibration(row: Row) -> str:
    values: dict[str, list[str]] = {}
    for chosen in row.get("calibration") or ():
        for key, value in chosen.items():
            if key != "seed" and numbers.is_number(value):
                values.setdefault(safe_line(key), []).append(f"{value:.3g}")
    return "; ".join(f"{key} {', '.join(v)}" for key, v in values.items()) or numbers.NONE


def method_table(results: Results) -> Grid:
    """Return what each row is, where it comes from and what it costs."""
    columns = (
        Column("row", numeric=False),
        Column("method", numeric=False),
        Column("knowledge", numeric=False),
        Column("plug-and-play", numeric=False),
        Column("change of the KB", numeric=False),
        Column("trained parameters", note=TRAINED_NOTE),
        Column("extra tokens", note=OVERHEAD_NOTE),
        Column("train s", note=TRAIN_NOTE),
        Column("peak MB"),
        Column("evaluate s"),
        Column("ms/example", note=EXAMPLE_NOTE),
    )
    many_tasks = len(results["tasks"]) > 1
    lines = []
    for row in results["rows"]:
        method = row.get("method")
        source = [method.get("distribution"), method.get("version")] if method else []
        label = row_name(row, results)
        label += f", {safe_line(row['task'])}" if many_tasks else ""
        seconds = row.get("seconds", {})
        lines.append(
            (
                Cell(label, "" if row["status"] == "ok" else safe_line(row["status"])),
                Cell(
                    safe_line(method["type"]) if method else numbers.NONE,
                    " ".join(safe_line(part) for part in source if part),
                ),
                Cell(safe_line(row.get("knowledge") or numbers.NONE)),
                Cell(plug_and_play(row)),
                Cell(safe_line(row.get("kb_update") or numbers.NONE)),
                Cell(numbers.count(row.get("parameters"))),
                Cell(numbers.decimal(row.get("input_overhead"))),
                Cell(numbers.decimal(seconds.get("train"))),
                memory_cell(row.get("memory")),
                Cell(numbers.decimal(seconds.get("evaluate"))),
                Cell(numbers.decimal(row.get("ms_per_example"), 2)),
            )
        )
    return Grid(columns, tuple(lines))


def training_table(results: Results) -> Grid | None:
    """Return what each training read and what it left out; None where none was recorded."""
    columns = (
        Column("row", numeric=False),
        Column("read"),
        Column("no usable mention", note="none linked, none with a vector, or cut off"),
        Column("not chosen", note="by the method's objective"),
        Column("items", note="a passage is one, or one for each way its mentions are masked"),
        Column("too long", note="items left out whole: longer than max_length"),
        Column("trained on"),
    )
    many_tasks = len(results["tasks"]) > 1
    lines = []
    for row in results["rows"]:
        label = row_name(row, results)
        label += f", {safe_line(row['task'])}" if many_tasks else ""
        for own in row.get("trained_on") or ():
            left_out = (own["without_entity"], own["passed_over"], own["items"], own["too_long"])
            lines.append(
                (
                    Cell(label),
                    Cell(numbers.count(own["read"]), safe_line(own["of"])),
                    *(Cell(numbers.count(size)) for size in left_out),
                    Cell(numbers.count(own["kept"]), "items"),
                )
            )
    return Grid(columns, tuple(lines)) if lines else None


def memory_cell(memory: Memory | None) -> Cell:
    """Return the most memory training needed, and whose it was."""
    if memory and memory.get("accelerator"):
        return Cell(numbers.megabytes(memory.get("accelerator")), "accelerator")
    most = memory["process"] if memory else None
    return Cell(numbers.megabytes(most), "" if most is None else "process")


def plug_and_play(row: Row) -> str:
    """Return in words whether a row leaves its host frozen."""
    if row.get("trains_host"):
        return "no: trains the host"
    return "NO: the host changed" if host_moved(row) else "yes"


def references(results: Results) -> list[tuple[str, str]]:
    """Return each method's paper, once."""
    named: dict[str, str] = {}
    for row in results["rows"]:
        method = row.get("method")
        if method and method.get("reference"):
            named.setdefault(safe_line(method["type"]), safe_line(method["reference"]))
    return list(named.items())


@dataclass(frozen=True)
class Freezing:
    """What the fingerprints say, in a sentence and in full."""

    sentence: str
    kept: bool
    grid: Grid


def freezing(results: Results) -> Freezing | None:
    """Return the proof that hosts were frozen; None where no row has a fingerprint."""
    many_tasks = len(results["tasks"]) > 1
    lines, frozen, broken, trained = [], 0, 0, 0
    for row in results["rows"]:
        for print_ in row.get("fingerprint") or ():
            same = print_["unchanged"] and print_["before"] == print_["after"]
            if row.get("trains_host"):
                trained += 1
                state = Cell("unchanged" if same else "changed: this row trains the host")
            else:
                frozen, broken = frozen + same, broken + (not same)
                state = (
                    Cell("unchanged", verdict="gain") if same else Cell("CHANGED", verdict="loss")
                )
            label = row_name(row, results)
            label += f", {safe_line(row['task'])}" if many_tasks else ""
            lines.append(
                (
                    Cell(label),
                    Cell(str(print_["seed"])),
                    Cell(safe_line(print_["before"])),
                    Cell(safe_line(print_["after"])),
                    state,
                )
            )
    if not lines:
        return None
    columns = ("row", "seed", "before", "after", "host")
    grid = Grid(tuple(Column(title, numeric=False) for title in columns), tuple(lines))
    total = frozen + broken
    if broken:
        sentence = (
            f"The host's parameters changed in {broken} of {numbers.plural(total, 'run')} of rows "
            "that should leave it frozen: do not trust those rows."
        )
    elif total:
        sentence = (
            f"The host's fingerprint was the same before and after in all "
            f"{numbers.plural(total, 'run')} of plug-and-play rows."
        )
    else:
        sentence = "No row of this run leaves the host frozen."
    if trained and total:
        sentence += f" {numbers.plural(trained, 'run')} trained the host, as the row says."
    return Freezing(sentence, not broken, grid)
