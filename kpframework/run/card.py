"""The card of a knowledge plugin: what it is, what it did, how to load it, what it risks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kpframework.run.row_plan import Cell

_TEMPLATE = """\
# {name}

A knowledge plugin for a frozen {model_type} model ({width} wide), made by {created_by}.

| | |
|---|---|
| method | {method} ({reference}) |
| knowledge base | {kb}, release {release}, licence {licence} |
| entities with a vector | {entities} |
| plugins needed | {plugins} |
| trained parameters | {parameters} |
| plug-and-play | {plug_and_play} |

## Measured

{metrics}

Mentions of the test set: {coverage}.

## Use

```python
from kpframework import KnowledgePlugin

plugin = KnowledgePlugin.from_pretrained("path/to/this/folder")
plugin.attach(model, tokenizer)
outputs = model(**plugin.encode(["a text"]))
plugin.detach()
```

## Risks

Answers follow the knowledge base, with its gaps and errors, and the linker, which may take a
mention for the wrong entity. The figures above hold for the data they were measured on.
"""


def model_card(config: Mapping[str, Any], cell: Cell, results: Mapping[str, Any]) -> str:
    """Return the card as Markdown; strings of the knowledge base appear as plain text."""
    row = next(
        row
        for row in results["rows"]
        if (row["injection"], row["host"], row["task"]) == (cell.row, cell.host, cell.task)
    )
    coverage = row["coverage"] or {}
    kb = config["kb"]
    return _TEMPLATE.format(
        name=config["name"],
        model_type=config["host"]["model_type"],
        width=config["host"]["width"],
        created_by=config["created_by"],
        method=row["method"]["type"],
        reference=row["method"]["reference"] or "no reference",
        kb=kb.get("name", kb["type"]),
        release=kb.get("release", "unknown"),
        licence=kb.get("licence", "unknown"),
        entities=_size(config["entities"]),
        plugins=", ".join(f"{p['distribution']} {p['version']}" for p in config["plugins"]),
        parameters=row["parameters"],
        plug_and_play="yes" if row["plug_and_play"] else "no, the host was trained",
        metrics=_metrics(row, results),
        coverage=", ".join(f"{coverage.get(k, 0)} {k.replace('_', ' ')}" for k in _COUNTS),
    )


def _size(entities: Mapping[str, Any] | None) -> str:
    return "none are used" if entities is None else f"{entities['rows']} x {entities['dim']}"


_COUNTS = ("mentions", "linked", "with_vector")


def _metrics(row: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    lines = ["| metric | value | interval | against the baseline |", "|---|---|---|---|"]
    difference = row["difference"] or {"metrics": {}}
    for name, score in row["metrics"].items():
        low, high = score["interval"]
        delta = difference["metrics"].get(name)
        against = (
            "-"
            if delta is None
            else f"{100 * delta['mean']:+.1f} [{100 * delta['interval'][0]:+.1f}, "
            f"{100 * delta['interval'][1]:+.1f}]"
        )
        interval = f"[{100 * low:.1f}, {100 * high:.1f}]"
        lines.append(f"| {name} | {100 * score['mean']:.1f} % | {interval} | {against} |")
    seeds = ", ".join(map(str, results["seeds"]))
    lines.append(f"\n{100 * results['confidence']:.0f} % bootstrap intervals, seeds {seeds}.")
    return "\n".join(lines)
