"""A step: a node of the plan, named for people and keyed by everything that decides its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kpframework.api.context import Advance
from kpframework.digest import content_digest, json_digest

JSON = Any
"""None, bool, int, finite float, str, and lists and string-keyed mappings of them."""

Progress = Callable[[str, int | None], AbstractContextManager[Advance]]

FORMAT = 1
"""Part of every key: raised when what a folder holds changes its meaning."""


@dataclass(frozen=True)
class StepContext:
    """What a step's action is given."""

    params: Mapping[str, JSON]
    """The step's own."""
    output: Path
    """An empty private folder; it becomes the step's folder by one rename, when all is written."""
    scratch: Path
    """Kept when the step is killed or fails, handed to its next attempt, removed after success.

    Its path differs between attempts: keep no absolute paths in it.
    """
    inputs: Mapping[str, Path]
    """Folders of the finished inputs; read only."""
    results: Mapping[str, Mapping[str, JSON]]
    """Metrics of the finished inputs."""
    progress: Progress
    """``with context.progress("train", total) as advance: advance()``."""
    device: str = "cpu"


Action = Callable[[StepContext], Mapping[str, JSON]]


@dataclass(frozen=True, eq=False)
class Step:
    """A node of the plan. Equal keys mean equal results, whatever the name."""

    name: str
    """For people, unique in a plan: ``host[full]/task[wiki80]/seed0``."""
    kind: str
    """What it makes, and its folder in the cache: ``kb``, ``embeddings``, ``host``, ``train`` …"""
    params: Mapping[str, JSON]
    """Resolved options and plugin versions: everything that decides the result."""
    action: Action
    """Writes into ``context.output`` and returns small metrics."""
    inputs: Mapping[str, Step] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    """Files and folders whose content (not whose place) enters the key."""

    @cached_property
    def file_digests(self) -> tuple[str, ...]:
        """The sha256 of each of `files`.

        Raises:
            KpError: ``KP501``, a file is missing or cannot be read.
        """
        return tuple(content_digest(path) for path in self.files)

    @cached_property
    def key(self) -> str:
        """The sha256 in hex of kind, params, the inputs' keys and the files' contents.

        Raises:
            KpError: ``KP501``, a file is missing or cannot be read.
            ValueError: a number in `params` is not finite.
            TypeError: something in `params` is not JSON.
        """
        return json_digest(
            {
                "format": FORMAT,
                "kind": self.kind,
                "params": self.params,
                "inputs": {name: step.key for name, step in self.inputs.items()},
                "files": self.file_digests,
            }
        )
