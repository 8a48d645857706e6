"""Declares the two components; imports nothing heavy."""

from collections.abc import Iterable

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
