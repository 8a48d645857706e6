"""Declares the control rows; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the two injectors."""
    return [
        Component(
            kind="injector",
            name="none",
            target="kp_plugin_controls.injectors:NoInjection",
            config="kp_plugin_controls.config:NoInjectionConfig",
            summary="The bare frozen host.",
            capabilities={
                "site": "none",
                "trained": "nothing",
                "trains_host": False,
                "kb_update": "none",
                "needs_entities": False,
            },
        ),
        Component(
            kind="injector",
            name="probe",
            target="kp_plugin_controls.injectors:Probe",
            config="kp_plugin_controls.config:ProbeConfig",
            summary="A linear classifier on entity vectors alone: what the vectors hold.",
            capabilities={
                "site": "logits",
                "trained": "one affine map",
                "trains_host": False,
                "kb_update": "retrain",
                "heads": ["sequence-classification"],
            },
        ),
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {"injector/probe": {"train": {"epochs": 2}}}
