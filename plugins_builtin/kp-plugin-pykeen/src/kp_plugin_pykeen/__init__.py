"""Declares the embeddings; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the four models."""
    return [
        Component(
            kind="embeddings",
            name=name,
            target=f"kp_plugin_pykeen.models:{target}",
            config=f"kp_plugin_pykeen.config:{target}Config",
            summary=summary,
            reference=reference,
        )
        for name, target, summary, reference in (
            ("transe", "TransE", "A relation is a translation.", "Bordes et al., NIPS 2013"),
            ("rotate", "RotatE", "A relation is a rotation.", "Sun et al., ICLR 2019"),
            ("distmult", "DistMult", "A relation weighs dimensions.", "Yang et al., ICLR 2015"),
            ("complex", "ComplEx", "DistMult in complex numbers.", "Trouillon et al., ICML 2016"),
        )
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    small = {"dim": 8, "epochs": 2, "batch_size": 32}
    names = ("transe", "rotate", "distmult", "complex")
    return {f"embeddings/{name}": small for name in names}
