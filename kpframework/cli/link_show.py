"""What ``kpframework link`` found, as text for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kpframework.cli.output import echo, table
from kpframework.safe import safe_line

_NAME = 60
_PROBLEMS = 10
_METRICS = {
    "precision": "span and entity: precision",
    "recall": "span and entity: recall",
    "f1": "span and entity: F1",
    "span_precision": "span: precision",
    "span_recall": "span: recall",
    "span_f1": "span: F1",
    "accuracy": "accuracy over right spans",
}


def write_records(records: Iterable[Mapping[str, Any]]) -> None:
    """Write records to stdout as JSON lines, in ASCII: safe to show and to pipe."""
    for record in records:
        text = json.dumps(record, ensure_ascii=True, allow_nan=False)
        echo(text.replace("\x7f", "\\u007f"))


def show(result: Mapping[str, Any], err: bool = False) -> None:
    """Write what `kpframework.link.job.link_corpus` returns; to stderr one line of it."""
    found = result["coverage"]
    summary = (
        f"{found['texts']:,} texts, {found['characters']:,} characters, "
        f"{found['mentions']:,} mentions of {found['entities']:,} entities"
    )
    if err:
        echo(summary, err=True)
        _problems(found, err=True)
        return
    echo(summary)
    echo(
        f"{found['texts_with_mentions']:,} texts with a mention, "
        f"{found['mentions_per_1000_characters']:.2f} mentions per 1,000 characters, "
        f"{found['share_of_entities']:.2%} of the knowledge base's entities"
    )
    if found["linker"]:
        counts = (f"{key} {value:,g}" for key, value in found["linker"].items())
        echo(f"linker    {safe_line(', '.join(counts))}")
    if found["frequent"]:
        echo()
        rows = [
            (safe_line(e["entity"], _NAME), safe_line(e["name"], _NAME), f"{e['mentions']:,}")
            for e in found["frequent"]
        ]
        table(("entity", "name", "mentions"), rows)
    if result["found"]:
        _scores(result["found"])
    echo()
    _problems(found, err=False)
    if result["misplaced"]:
        echo(f"left out  {result['misplaced']:,} annotations that are not where their text is")
    if result["output"]:
        echo(f"output    {result['output']}  ({result['bytes']:,} bytes)")
    linked, shards, seconds = result["linked"], result["shards"], result["seconds"]
    echo(f"shards    {linked:,} of {shards:,} linked now, in {seconds:.1f} s")


def _problems(found: Mapping[str, Any], err: bool) -> None:
    if not found["bad_lines"]:
        return
    echo(f"bad lines {found['bad_lines']:,}, left out:", err=err)
    for problem in found["problems"][:_PROBLEMS]:
        echo(f"    {safe_line(problem['where'])}  {safe_line(problem['message'], 120)}", err=err)


def _scores(found: Mapping[str, Any]) -> None:
    counts, metrics = found["counts"], found["metrics"]
    echo(
        f"\ngold      {counts['documents']:,} documents, {counts['gold']:,} mentions "
        f"({found['gold_not_in_kb']:,} of them not in the knowledge base)"
    )
    for key, what in (
        ("gold_without_entity", "gold mentions without an entity, left out"),
        ("gold_misplaced", "gold annotations that are not where their text is, left out"),
        ("texts_without_gold", "linked texts without gold, not scored"),
    ):
        if found[key]:
            echo(f"          {found[key]:,} {what}")
    if metrics:
        echo()
        table(
            ("metric", "value", "95 % interval"),
            [
                (
                    label,
                    f"{metrics[key]['mean']:.4f}",
                    "{:.4f} to {:.4f}".format(*metrics[key]["interval"]),
                )
                for key, label in _METRICS.items()
            ],
        )
    if found["types"]:
        echo()
        table(
            ("type", "gold", "predicted", "precision", "recall", "F1", "accuracy"),
            [
                (
                    safe_line(own["type"], _NAME),
                    f"{own['gold']:,}",
                    f"{own['predicted']:,}",
                    *(f"{own[key]:.4f}" for key in ("precision", "recall", "f1", "accuracy")),
                )
                for own in found["types"]
            ],
        )
