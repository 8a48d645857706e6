"""The card of a knowledge plugin: what it is, what it did, how to load it, what it risks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from kpframework.run.card_data import front_matter
from kpframework.run.row_plan import Cell

_TEMPLATE = """\
---
{front}
---

# {name}

A knowledge plugin for a frozen {model_type} model ({width} wide), made by {created_by}.

| | |
|---|---|
| method | {method} ({reference}) |
| knowledge base | {kb}, release {release}, licence {licence} |
| its size | {size} |
| its checksum | in `kp_config.json`, `kb.sha256` |
| entities with a vector | {entities} |
| linker | {linker} |
| control | {control} |
| made for | {backbone}, host {host}, task {task}, seed {seed} |
| plugins needed | {plugins} |
| trained parameters | {parameters} |
| plug-and-play | {plug_and_play} |

## Measured

{metrics}

Mentions of the test set: {coverage}. Of its inputs, {truncation}.

## Use

```bash
pip install kpframework {pins}
```

```python
from kpframework import KnowledgePlugin

plugin = KnowledgePlugin.from_pretrained("path/to/this/folder")  # or owner/name on the hub
with plugin.attach(model, tokenizer):
    outputs = model(**plugin.encode(["a text"]))
```

In a transformers pipeline, the plugin comes with the tokenizer:
`pipeline("text-classification", model=model, tokenizer=plugin.tokenizer())`. The host's weights and
class are not changed, and after `plugin.detach()` it answers as before, bit for bit.

## Risks and limits

- Answers follow the knowledge base, with its gaps, its errors and its age, and the linker, which
  may take a mention for the wrong entity. Look at `plugin.explain(text)` before you trust one.
- A mention without an entity, or an entity without a vector, changes nothing: see the counts above.
- The figures hold for the data, the host and the seeds they were measured on. It fits hosts of the
  family {model_type}, {width} wide, with the same vocabulary; others are refused.
- The knowledge base is part of this artifact. Its licence ({licence}) holds for it.

## Spec

```json
{spec}
```
"""

_COUNTS = ("mentions", "linked", "with_vector")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#!&~$])")


def model_card(config: Mapping[str, Any], cell: Cell, results: Mapping[str, Any]) -> str:
    """Return the card as Markdown; strings of the knowledge base appear as plain text."""
    row = next(
        row
        for row in results["rows"]
        if (row["injection"], row["host"], row["task"]) == (cell.row, cell.host, cell.task)
    )
    coverage = row["coverage"] or {}
    kb, host = config["kb"], config["host"]
    pins = (f"'{p['distribution']}=={p['version']}'" for p in config["plugins"])
    return _TEMPLATE.format(
        front=front_matter(config, row),
        name=plain_text(config["name"]),
        model_type=plain_text(host["model_type"]),
        width=host["width"],
        created_by=plain_text(config["created_by"]),
        method=plain_text(row["method"]["type"]),
        reference=plain_text(row["method"]["reference"] or "no reference"),
        kb=plain_text(kb.get("name", kb["type"])),
        release=plain_text(kb.get("release") or "unknown"),
        licence=plain_text(kb.get("licence") or "unknown"),
        size=", ".join(f"{kb[k]} {k}" for k in ("entities", "triples", "relations") if k in kb),
        entities=_size(config["entities"]),
        linker=plain_text(config["linker"]["type"]),
        control=plain_text(config["control"] or "none"),
        backbone=plain_text(host["backbone"] or "a backbone from a folder"),
        host=plain_text(host["id"]),
        task=plain_text(host["task"]),
        seed=config["seed"],
        plugins=", ".join(
            dict.fromkeys(f"{p['distribution']} {p['version']}" for p in config["plugins"])
        ),
        pins=" ".join(dict.fromkeys(pins)),
        parameters=row["parameters"],
        plug_and_play="yes" if row["plug_and_play"] else "no, the host was trained",
        metrics=_metrics(row, results),
        coverage=", ".join(f"{coverage.get(k, 0)} {k.replace('_', ' ')}" for k in _COUNTS),
        truncation=_truncation(row["truncation"]),
        spec=json.dumps(config["spec"], indent=1, ensure_ascii=False).replace("```", "` ` `"),
    )


def plain_text(value: Any) -> str:
    """Return a string so that Markdown shows it as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(value).split()))


def _size(entities: Mapping[str, Any] | None) -> str:
    return "none are used" if entities is None else f"{entities['rows']} x {entities['dim']}"


def _truncation(own: Mapping[str, Any]) -> str:
    asked = own["knowledge"]
    said = f"{own['cut']} of {own['inputs']} lost text to max_length"
    if asked["kept"] < asked["wanted"]:
        left = f"{asked['inputs_left_without']} of {asked['inputs']}"
        said += f", and {left} all of the knowledge that was to be in them"
    return said


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
        lines.append(
            f"| {plain_text(name)} | {100 * score['mean']:.1f} % | {interval} | {against} |"
        )
    seeds = ", ".join(map(str, results["seeds"]))
    lines.append(f"\n{100 * results['confidence']:.0f} % bootstrap intervals, seeds {seeds}.")
    return "\n".join(lines)
