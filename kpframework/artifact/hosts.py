"""The hosts that have plugins on them, and whether a host is one that a plugin fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch

from kpframework.api.text import Mention, Segment
from kpframework.artifact.digests import vocabulary_digest
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment

Links = Callable[[Sequence[Segment]], list[list[Mention]]]


@dataclass
class Host:
    """A model with knowledge plugins on it."""

    attachment: Attachment
    linkers: dict[str, Links] = field(default_factory=dict)
    """What links texts for each member."""

    @property
    def model(self) -> torch.nn.Module:
        """The host itself."""
        return self.attachment.model


_hosts: WeakKeyDictionary[torch.nn.Module, Host] = WeakKeyDictionary()


def host_of(model: torch.nn.Module) -> Host:
    """Return what is known of a host; nothing is remembered before `keep`."""
    found = _hosts.get(model)
    return Host(Attachment(model)) if found is None else found


def keep(host: Host) -> None:
    """Remember a host for as long as it has a plugin: the memory holds it."""
    if host.attachment.members:
        _hosts[host.model] = host
    else:
        _hosts.pop(host.model, None)


def check_host(
    config: Mapping[str, Any], attachment: Attachment, tokenizer: Any, strict: bool
) -> None:
    """Refuse a host that an artifact was not trained for.

    Raises:
        KpError: KP716, another width, or (``strict``) another family; KP783, a tokenizer with
            another vocabulary than the plugin's (``strict``), or with more tokens than the host
            has.
    """
    own, host = config["host"], type(attachment.model).__name__
    width = attachment.handle("").width
    if width != own["width"]:
        raise KpError(
            "KP716",
            f"{config['name']!r} was trained for a host {own['width']} wide; {host} is "
            f"{width} wide",
            f"use the host family it was trained for: {own['model_type']}",
        )
    family = getattr(getattr(attachment.model, "config", None), "model_type", None)
    if strict and family != own["model_type"]:
        raise KpError(
            "KP716",
            f"{config['name']!r} was trained for hosts of the family {own['model_type']!r}; "
            f"{host} is of the family {family!r}",
            "use a host of its family, or attach(…, strict=False) where you know that the two "
            "share their input space",
        )
    known: Any = attachment.embedding.weight
    if max(tokenizer.get_vocab().values(), default=-1) >= known.shape[0]:
        raise KpError(
            "KP783",
            f"the tokenizer has {len(tokenizer)} tokens, {host} has embeddings of {known.shape[0]}",
            "take the tokenizer that was saved beside the host",
        )
    trained = own.get("vocabulary")
    if strict and trained is not None and vocabulary_digest(tokenizer) != trained:
        raise KpError(
            "KP783",
            f"the tokenizer's vocabulary is not that of the hosts {config['name']!r} was trained "
            "for",
            "take the tokenizer that was saved beside the host, or attach(…, strict=False) if it "
            "only has words of your own added",
        )
