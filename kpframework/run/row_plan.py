"""The cells of a table: a row on a host for a task, with its steps for every seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kpframework.api.context import Context
from kpframework.run.step import Step
from kpframework.spec.resolved import BoundComponent


@dataclass(frozen=True)
class RowSource:
    """Where a row's injector, vectors and mentions come from."""

    injector: BoundComponent
    name: str
    """Names its links in the plan."""
    knowledge: str
    """Id of the knowledge section; empty if there is none."""
    control: str | None
    artifact: Path | None

    @cached_property
    def _injector(self) -> Any:
        return self.injector.create(Context())

    @property
    def stage(self) -> str:
        """What the injector's training needs."""
        return str(self._injector.stage)

    @property
    def corpus(self) -> str:
        """The corpus of a general stage."""
        return str(self._injector.corpus)

    @property
    def needs_entities(self) -> bool:
        """Whether the injector uses entity vectors."""
        return bool(self._injector.needs_entities)

    @property
    def trains_host(self) -> bool:
        """Whether the injector changes the host's weights."""
        return bool(self._injector.trains_host)

    @property
    def kb_update(self) -> str:
        """What a changed knowledge base costs."""
        return str(self._injector.kb_update)


@dataclass(frozen=True)
class Cell:
    """One cell of the table; its lists have one item a seed."""

    row: str
    host: str
    task: str
    source: RowSource
    seeds: list[int]
    hosts: list[Step | None]
    """None for a user's checkpoint."""
    trained: list[Step | None]
    """None where nothing is trained."""
    evaluations: list[Step]
