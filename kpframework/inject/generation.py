"""``generate()`` of a host that has knowledge on it, and the modules where its calls begin."""

from __future__ import annotations

import functools
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from kpframework.inject.batch import ENTITIES
from kpframework.inject.marks import without_marks

if TYPE_CHECKING:
    from kpframework.inject.attachment import Attachment


def roots_of(model: torch.nn.Module) -> list[torch.nn.Module]:
    """Return the modules at which a call of a host may begin, the outermost first.

    A `PeftModel` generates through the model it wraps, and an encoder-decoder reads its prompt
    through its encoder alone.
    """
    host: Any = model
    found: list[Any] = [host]
    if callable(getattr(host, "get_base_model", None)):
        host = host.get_base_model()
        found.append(host)
    if getattr(getattr(host, "config", None), "is_encoder_decoder", False):
        found.append(host.get_encoder())
    return list({id(module): module for module in found}.values())


class Generation:
    """Lets ``model.generate(**inputs)`` take inputs that hold entities.

    Which tensors ``generate`` takes is decided before any hook runs, so the instance gets a
    ``generate`` of its own, as it does from accelerate and peft, until `remove`. A call without
    entities is the host's own, untouched.
    """

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._hosts = [
            root for root in roots_of(attachment.model) if callable(getattr(root, "generate", None))
        ]
        self._before = [root.__dict__.get("generate") for root in self._hosts]
        for root in self._hosts:
            object.__setattr__(root, "generate", self._taking(root.generate))

    def _taking(self, own: Any) -> Any:
        @functools.wraps(own)
        def generate(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = without_marks(args, kwargs)
            codes = kwargs.pop(ENTITIES, None)
            with nullcontext() if codes is None else self._attachment.knowledge(codes):
                return own(*args, **kwargs)

        return generate

    def remove(self) -> None:
        """Give every module its own ``generate`` back."""
        for root, before in zip(self._hosts, self._before, strict=True):
            root.__dict__.pop("generate", None)
            if before is not None:
                object.__setattr__(root, "generate", before)
