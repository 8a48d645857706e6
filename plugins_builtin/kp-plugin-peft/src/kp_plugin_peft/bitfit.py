"""BitFit."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kp_plugin_peft.architectures import no_bias
from kp_plugin_peft.trained import head_parameters, load_trained, save_trained
from kpframework import KpError
from kpframework.api import Adaptation

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class BitFit(Adaptation):
    """Ben Zaken et al., ACL 2022: the biases and the head are trained."""

    def prepare(self, model: PreTrainedModel, new: Collection[str] = ()) -> Any:
        """Return the model with a gradient for every bias, the head, and what is new.

        Raises:
            KpError: KP318, the head is all that would be trained.
        """
        if not any(_is_bias(name) for name, _ in model.base_model.named_parameters()):
            raise KpError("KP318", *no_bias(model.config.model_type))
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(_is_bias(name))
        for parameter in head_parameters(model, new):
            parameter.requires_grad_(True)
        return model

    def save(self, model: Any, folder: Path) -> None:
        """Write what was trained, and the model's configuration."""
        save_trained(model, folder)
        model.config.save_pretrained(folder)

    def load(self, folder: Path, load_model: Callable[[Path | None], PreTrainedModel]) -> Any:
        """Return the backbone with the stored tensors in it."""
        return load_trained(load_model(None), folder)


def _is_bias(name: str) -> bool:
    # T5's relative_attention_bias is a table of weights.
    return "bias" in name.rpartition(".")[2]
