"""LoRA, by PEFT."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kp_plugin_peft.architectures import pattern
from kp_plugin_peft.trained import FILE, damaged, load_trained, require, save_trained
from kpframework.api import Adaptation

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class LoRA(Adaptation):
    """Hu et al., ICLR 2022: each chosen map gets an update of low rank; the map itself stays."""

    def prepare(self, model: PreTrainedModel, new: Collection[str] = ()) -> Any:
        """Return the model wrapped by PEFT; a classification head and what is new are trained."""
        from peft import LoraConfig, TaskType, get_peft_model

        config = self.config
        named = config.target_modules
        heads = _heads(model)
        lora = LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.lora_dropout,
            target_modules=named or pattern(model, config.targets, "give 'target_modules'"),
            fan_in_fan_out=model.config.model_type == "gpt2",
            task_type=TaskType.SEQ_CLS if heads else None,
            modules_to_save=heads or None,
        )
        adapted = get_peft_model(model, lora)
        for name, parameter in adapted.get_base_model().named_parameters():
            if name in new:
                parameter.requires_grad_(True)
        return adapted

    def save(self, model: Any, folder: Path) -> None:
        """Write PEFT's own files, and beside them what PEFT does not store."""
        model.save_pretrained(folder)
        save_trained(model.get_base_model(), folder, _stored_by_peft)

    def load(self, folder: Path, load_model: Callable[[Path | None], PreTrainedModel]) -> Any:
        """Return the backbone with the adapter of the folder on it.

        Raises:
            KpError: KP651, the folder holds no adapter that fits the backbone.
        """
        from peft import LoraConfig, PeftConfig, PeftModel
        from safetensors import SafetensorError

        # Without the first PEFT asks the hub, without the second it reads a pickle beside it.
        require(folder, "adapter_config.json", "adapter_model.safetensors")
        model = load_model(None)
        try:
            config = PeftConfig.from_pretrained(str(folder))
            if not isinstance(config, LoraConfig):
                raise ValueError("adapter_config.json is not of LoRA")
            adapted = PeftModel.from_pretrained(model, str(folder), config=config)
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            raise damaged(folder, error) from error
        if (folder / FILE).is_file():
            load_trained(adapted.get_base_model(), folder)
        return adapted


def _heads(model: PreTrainedModel) -> list[str]:
    """Return the names of the modules of a classification head; a language model has none."""
    if model.get_output_embeddings() is not None:
        return []
    base = model.base_model
    return [name for name, own in model.named_children() if own is not base and _holds(own)]


def _holds(module: Any) -> bool:
    return next(module.parameters(), None) is not None


def _stored_by_peft(name: str) -> bool:
    return "lora_" in name or ".modules_to_save." in name
