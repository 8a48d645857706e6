"""Declares the trackers; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the three trackers."""
    return [
        Component(
            kind="tracker",
            name="mlflow",
            target="kp_plugin_trackers.mlflow_tracker:MLflowTracker",
            config="kp_plugin_trackers.config:MLflowConfig",
            summary="A run of MLflow: in a folder, or on a tracking server.",
        ),
        Component(
            kind="tracker",
            name="tensorboard",
            target="kp_plugin_trackers.tensorboard_tracker:TensorBoardTracker",
            config="kp_plugin_trackers.config:TensorBoardConfig",
            summary="Event files for TensorBoard, in the run's folder.",
        ),
        Component(
            kind="tracker",
            name="wandb",
            target="kp_plugin_trackers.wandb_tracker:WandbTracker",
            config="kp_plugin_trackers.config:WandbConfig",
            summary="A run of Weights & Biases, offline where no key is set.",
        ),
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return what the conformance kit has to know: no tracker works without its tool."""
    from kpframework.testing import Sample

    tools = {
        "mlflow": ("mlflow",),
        "tensorboard": ("tensorboard", "tensorboardX"),
        "wandb": ("wandb",),
    }
    known = {
        name: {"tracker::works": f"not installed: pip install 'kp-plugin-trackers[{name}]'"}
        for name, modules in tools.items()
        if not any(map(find_spec, modules))
    }
    staged = "wandb stages the files it keeps in a data folder of the user's"
    known.setdefault("wandb", {"tracker::writes_into_its_scratch_alone": staged})
    return {f"tracker/{name}": Sample(expected_failures=own) for name, own in known.items()}
