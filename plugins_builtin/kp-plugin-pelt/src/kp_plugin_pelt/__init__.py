"""Declares PELT; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the injector."""
    return [
        Component(
            kind="injector",
            name="pelt",
            target="kp_plugin_pelt.injector:Pelt",
            config="kp_plugin_pelt.config:PeltConfig",
            summary="The language model's outputs at masked mentions, as input slots.",
            reference="Ye et al., Findings of ACL 2022 (arXiv 2203.06904), section 3",
            capabilities={
                "site": "input slot",
                "trained": "nothing",
                "trains_host": False,
                "kb_update": "refit",
                "needs_entities": False,
                "makes_entities": True,
                "input_overhead": "a mention: 3 positions (bracket), 2 (concat), 1 (replace)",
            },
        )
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {"injector/pelt": {"corpus": "c"}}
