"""Small files that the conformance kit reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpframework.testing import Sample


def write(folder: Path) -> Mapping[str, Any]:
    """Write two files of triples, and return the options that read them."""
    lines = ("Q90\tcapital of\tQ142", "Q456\tcity in\tQ142", "Q142\tshares border with\tQ31")
    (folder / "towns.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    names = {"Q90": {"label": "Paris", "aliases": ["City of Light"]}, "Q142": {"label": "France"}}
    (folder / "towns.json").write_text(json.dumps(names), encoding="utf-8")
    return {
        "kb/triples": [
            Sample({"paths": ["towns.tsv"], "labels": "towns.json"}, triples=3),
            Sample({"paths": ["kb/triples.tsv"], "labels": "kb/labels.json"}),
            Sample({"paths": ["kb/triples.tsv", "towns.tsv"]}),
        ]
    }
