"""Declares the two components; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the knowledge base and the mapper."""
    return [
        Component(
            kind="kb",
            name="csv",
            target="kp_plugin_csv_kb.kb:CsvKB",
            config="kp_plugin_csv_kb.config:CsvConfig",
            summary="A CSV file with a header: columns of subject, predicate, object and labels.",
        ),
        Component(
            kind="mapper",
            name="residual-mlp",
            target="kp_plugin_csv_kb.mapper:ResidualMLP",
            config="kp_plugin_csv_kb.config:ResidualMLPConfig",
            summary="An affine map, then residual blocks of two layers each.",
        ),
    ]


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    (folder / "towns.csv").write_text(
        "subject,predicate,object,name\nQ90,capital of,Q142,Paris\nQ456,city in,Q142,Lyon\n",
        encoding="utf-8",
    )
    return {
        "kb/csv": {"path": "towns.csv", "subject_label": "name"},
        "mapper/residual-mlp": {"hidden": 32},
    }
