"""Options of full fine-tuning: those of the training loop."""

from pydantic import Field

from kpframework.api import TrainConfig


class FullConfig(TrainConfig):
    """The training loop's options, with a rate that suits a whole pre-trained model."""

    lr: float = Field(5e-5, gt=0, description="Peak learning rate of AdamW.")
