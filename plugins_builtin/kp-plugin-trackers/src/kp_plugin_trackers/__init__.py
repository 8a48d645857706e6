"""Declares the trackers; imports nothing heavy."""

from collections.abc import Iterable

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
