"""LoRA, by PEFT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kp_plugin_peft.architectures import pattern
from kpframework.api import Adaptation, TrainConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class LoRA(Adaptation):
    """Hu et al., ICLR 2022: each chosen map gets an update of low rank; the map itself stays."""

    @property
    def train(self) -> TrainConfig:
        """Options of the training loop: the config itself."""
        config: TrainConfig = self.config
        return config

    def prepare(self, model: PreTrainedModel) -> Any:
        """Return the model wrapped by PEFT."""
        from peft import LoraConfig, TaskType, get_peft_model

        config = self.config
        named = config.target_modules
        classifies = "SequenceClassification" in type(model).__name__
        lora = LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.lora_dropout,
            target_modules=named or pattern(model, config.targets, "give 'target_modules'"),
            fan_in_fan_out=model.config.model_type == "gpt2",
            task_type=TaskType.SEQ_CLS if classifies else None,
        )
        return get_peft_model(model, lora)

    def load(self, folder: Path, load_model: Callable[[Path | None], PreTrainedModel]) -> Any:
        """Return the backbone with the adapter of the folder on it."""
        from peft import PeftModel

        return PeftModel.from_pretrained(load_model(None), str(folder))
