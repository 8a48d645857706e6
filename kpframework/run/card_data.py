"""The part of a card that the hub reads: YAML front matter, written as JSON values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_LICENCES = (
    "apache-2.0", "mit", "gpl-3.0", "lgpl-3.0", "bsd-3-clause", "cc0-1.0", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "odbl",
    "pddl", "unlicense",
)  # fmt: skip
"""Licences of data and code that the hub knows by these names; all others are ``other``."""


def front_matter(config: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Return the lines between the rules: library, tags, base model, licence, results.

    Args:
        config: of the artifact.
        row: of ``results.json``.
    """
    host, kb = config["host"], config["kb"]
    tags = ["knowledge-injection", "knowledge-plugin", row["method"]["type"], kb["type"]]
    data: dict[str, Any] = {
        "library_name": "kpframework",
        "tags": list(dict.fromkeys(tags)),
        **({"base_model": host["backbone"]} if host["backbone"] else {}),
        **_licence(str(kb.get("licence") or "unknown")),
        "model-index": [{"name": config["name"], "results": [_results(config, row)]}],
    }
    # A JSON value is a YAML value, with every string quoted.
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in data.items())


def _licence(licence: str) -> dict[str, str]:
    if licence.lower() in _LICENCES:
        return {"license": licence.lower()}
    slug = re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-") or "unknown"
    link = {"license_link": licence} if re.fullmatch(r"https?://\S+", licence) else {}
    return {"license": "other", "license_name": slug[:60], **link}


def _results(config: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    task = config["host"]["task"]
    return {
        "task": {"type": config["spec"]["task"]["type"], "name": task},
        "dataset": {"type": task, "name": task, "split": "test"},
        "metrics": [
            {"type": name, "value": score["mean"], "name": name}
            for name, score in row["metrics"].items()
        ],
    }
