"""Declares E-BERT; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the injector."""
    return [
        Component(
            kind="injector",
            name="e-bert",
            target="kp_plugin_e_bert.injector:EBert",
            config="kp_plugin_e_bert.config:EBertConfig",
            summary="Entity vectors mapped onto word embeddings in closed form, as input slots.",
            reference="Poerner et al., Findings of EMNLP 2020 (arXiv 1911.03681), section 3",
            capabilities={
                "site": "input slot",
                "trained": "a linear map without bias, in closed form",
                "trains_host": False,
                "kb_update": "refit",
                "needs_kb": True,
                "input_overhead": "a mention: 2 positions (concat), 3 (bracket), 1 (replace)",
            },
        )
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {"injector/e-bert": [{}, {"layout": "replace", "method": "procrustes"}]}
