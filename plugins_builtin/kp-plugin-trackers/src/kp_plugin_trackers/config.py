"""Options of the trackers."""

from typing import Literal

from pydantic import Field

from kpframework.api import ComponentConfig


class BoundedConfig(ComponentConfig):
    """What all of them take."""

    timeout: float = Field(
        default=30.0,
        gt=0,
        description="Seconds that the tool may take for one call; a slower one is left out.",
    )


class MLflowConfig(BoundedConfig):
    """Options of the tracker on MLflow."""

    tracking_uri: str = Field(
        default="mlruns",
        min_length=1,
        description="A folder, or the address of a tracking server.",
    )
    experiment: str | None = Field(
        default=None, min_length=1, description="Its experiment; null takes the spec's name."
    )


class TensorBoardConfig(BoundedConfig):
    """Options of the tracker for TensorBoard."""

    log_dir: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of the event files, each run in a folder of its own below it; null is "
        "`tensorboard` in the run's folder.",
    )


class WandbConfig(BoundedConfig):
    """Options of the tracker on Weights & Biases."""

    mode: Literal["auto", "offline", "online"] = Field(
        default="auto",
        description="auto is online where WANDB_API_KEY is set, and offline elsewhere.",
    )
    project: str | None = Field(
        default=None, min_length=1, description="Its project; null takes the spec's name."
    )
    entity: str | None = Field(
        default=None, min_length=1, description="User or team; null takes the key's own."
    )
    group: str | None = Field(
        default=None, min_length=1, description="Groups several runs, such as those of a sweep."
    )
    folder: str | None = Field(
        default=None,
        min_length=1,
        description="Where offline runs are written; null is the run's folder.",
    )
