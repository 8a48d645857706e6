"""What an injector sees of a host, and what is read off a host's modules."""

# ruff: noqa: D102  # the protocol `kpframework.api.injector.HostHandle` documents them

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from kpframework.api.injector import Callback, KeysValues
from kpframework.errors import KpError
from kpframework.inject.layer_parts import attention_of, attention_shape, feed_forward_of

if TYPE_CHECKING:
    from kpframework.inject.attachment import Attachment


class Handle:
    """What an injector sees of the host (`kpframework.api.injector.HostHandle`)."""

    def __init__(self, attachment: Attachment, name: str) -> None:
        self._attachment = attachment
        self._name = name

    @property
    def model(self) -> torch.nn.Module:
        return self._attachment.model

    @property
    def width(self) -> int:
        return host_width(self._attachment.embedding)

    @property
    def embedding_rms(self) -> float:
        return host_rms(self._attachment.embedding)

    @property
    def outputs(self) -> int:
        return int(getattr(getattr(self.model, "config", None), "num_labels", 0) or 0)

    @property
    def layers(self) -> int:
        return len(host_layers(self.model))

    @property
    def causal(self) -> bool:
        return any(getattr(m, "is_causal", False) is True for m in self._layer(0).modules())

    def feed_forward_width(self, index: int) -> int:
        return feed_forward_of(self._layer(index), self.width).width

    def attention_shape(self, index: int) -> tuple[int, int]:
        return attention_shape(attention_of(self._layer(index)))

    def input_embeddings(self, callback: Callback) -> None:
        self._attachment.hook(self._name, "input", self._attachment.embedding, callback)

    def layer(self, index: int, callback: Callback) -> None:
        self._attachment.hook(self._name, "layer", self._layer(index), callback)

    def hidden_state(self, index: int, callback: Callback) -> None:
        own = index if index >= 0 else index + self.layers + 1
        if own:
            self.layer(own - 1 if own > 0 else index, callback)
        else:
            self._attachment.hook_before(self._name, self._layer(0), callback)

    def feed_forward(self, index: int, before: Callback, after: Callback | None = None) -> None:
        block = feed_forward_of(self._layer(index), self.width)
        self._attachment.hook(self._name, "layer", block.into, before)
        if after is not None:
            self._attachment.hook_before(self._name, block.back, after)

    def attention(self, index: int, make: KeysValues) -> None:
        self._attachment.hook_attention(self._name, attention_of(self._layer(index)), make)

    def _layer(self, index: int) -> torch.nn.Module:
        layers = host_layers(self.model)
        if not -len(layers) <= index < len(layers):
            raise KpError("KP714", f"layer {index} of a host with {len(layers)} layers")
        return layers[index]

    def logits(self, callback: Callback) -> None:
        self._attachment.hook(self._name, "logits", self.model, callback, key="logits")


def host_width(embedding: torch.nn.Module) -> int:
    """Return the width of a host's word embeddings."""
    weight: Any = embedding.weight
    return int(weight.shape[1])


def host_rms(embedding: torch.nn.Module) -> float:
    """Return the root mean square of a host's word embeddings, over all their components."""
    weight: Any = embedding.weight
    return float(weight.detach().float().square().mean().sqrt())


def host_layers(model: torch.nn.Module) -> torch.nn.ModuleList:
    """Return a host's transformer layers: its longest list of modules of one class."""
    lists = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.ModuleList) and len({type(layer) for layer in module}) == 1
    ]
    if not lists:
        raise KpError("KP715", f"no list of layers was found in {type(model).__name__}")
    return max(lists, key=len)
