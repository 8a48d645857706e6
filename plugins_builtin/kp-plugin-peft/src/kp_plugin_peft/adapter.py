"""Bottleneck adapters."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from kp_plugin_peft.architectures import modules_of
from kp_plugin_peft.trained import head_parameters, load_trained, save_trained
from kpframework.api import Adaptation

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Bottleneck(torch.nn.Module):
    """``x + up(swish(down(x)))``; ``up`` starts at zero.

    Args:
        width: of what passes through.
        bottleneck: width between the two maps.
    """

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down = torch.nn.Linear(width, bottleneck)
        self.up = torch.nn.Linear(bottleneck, width)
        torch.nn.init.zeros_(self.up.weight)
        torch.nn.init.zeros_(self.up.bias)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the states with what the bottleneck adds."""
        added: torch.Tensor = self.up(torch.nn.functional.silu(self.down(states)))
        return states + added


class BottleneckAdapter(Adaptation):
    """Houlsby et al., ICML 2019, section 2.1: after the output maps of attention and of the FFN.

    Both stand before the residual is added. There they come before the dropout of models that
    have one, which makes no difference once the host is frozen.
    """

    def prepare(self, model: PreTrainedModel, new: Collection[str] = ()) -> Any:
        """Return the model with its bottlenecks; they, the head and what is new are trained."""
        model.requires_grad_(False)
        for parameter in head_parameters(model, new):
            parameter.requires_grad_(True)
        return self._with_bottlenecks(model)

    def save(self, model: Any, folder: Path) -> None:
        """Write what was trained, and the model's configuration."""
        save_trained(model, folder)
        model.config.save_pretrained(folder)

    def load(self, folder: Path, load_model: Callable[[Path | None], PreTrainedModel]) -> Any:
        """Return the backbone with its bottlenecks and the stored tensors in them."""
        return load_trained(self._with_bottlenecks(load_model(None)), folder)

    def _with_bottlenecks(self, model: PreTrainedModel) -> Any:
        for place in modules_of(model, ("output", "ffn-down"), "use 'lora' or 'full'").values():
            width = model.config.hidden_size
            bottleneck = Bottleneck(width, self.config.bottleneck).to(place.weight.device)
            place.add_module("adapter", bottleneck)
            place.register_forward_hook(_through)
        return model


def _through(module: torch.nn.Module, _args: Any, output: torch.Tensor) -> torch.Tensor:
    adapted: torch.Tensor = module.adapter(output)  # type: ignore[operator]
    return adapted
