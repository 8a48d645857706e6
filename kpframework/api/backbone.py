"""Backbones: where a pre-trained language model comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpframework.api.context import Context


class Backbone(ABC):
    """Finds or fetches a model folder that transformers' ``Auto`` classes load."""

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @abstractmethod
    def folder(self) -> Path:
        """Return the local folder with config, safetensors weights and a fast tokenizer.

        Raises:
            KpError: not to be had; says where it was looked for.
        """

    def at_hand(self) -> Path | None:
        """Return the folder if it is there without the network, else None; checks nothing.

        What a row needs of the model is then checked before anything runs.
        """
        return None

    def pinned(self) -> str:
        """Return what names the model's content for good without fetching it: a commit of the hub.

        It enters the keys of steps. Empty: the folder is hashed for them, as it is by default.

        Raises:
            KpError: not to be had; says where it was looked for.
        """
        return ""

    def to_fetch(self) -> int | None:
        """Return how many bytes `folder` would fetch; None where that is not known, as offline."""
        return None if self.at_hand() is None else 0

    def metadata(self) -> Mapping[str, str]:
        """Return ``name``, ``revision`` and ``licence`` as far as they are known."""
        return {}
