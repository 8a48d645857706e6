"""The cells of a table (a row on a host for a task, with its steps), and what a row is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kpframework.api.context import Context
from kpframework.run.step import Step
from kpframework.run.steps.injection import RowParts
from kpframework.spec.resolved import BoundComponent, ResolvedSpec


@dataclass(frozen=True)
class RowSource:
    """Where a row's injector, vectors and mentions come from."""

    injector: BoundComponent
    linker: BoundComponent | None
    """None where neither a knowledge section nor an artifact gives one."""
    name: str
    """Names its links in the plan."""
    knowledge: str
    """Id of the knowledge section; empty if there is none, or the artifact's own is taken."""
    control: str | None
    artifact: Path | None
    """Where the trained tensors come from, and what no knowledge section gives."""

    @cached_property
    def _injector(self) -> Any:
        return self.injector.create(Context())

    @property
    def stage(self) -> str:
        """What the injector's training needs."""
        return str(self._injector.stage)

    @property
    def corpus(self) -> str:
        """The corpus that is read; empty for none."""
        return str(self._injector.corpus)

    @property
    def language_model(self) -> bool:
        """Whether reading the corpus takes a language model's head."""
        return bool(self.corpus and self._injector.language_model)

    @property
    def needs_entities(self) -> bool:
        """Whether the injector uses entity vectors."""
        return bool(self._injector.needs_entities)

    @property
    def needs_kb(self) -> bool:
        """Whether the injector reads the knowledge base itself."""
        return bool(self._injector.needs_kb)

    @property
    def uses_knowledge(self) -> bool:
        """Whether anything is linked for the row."""
        return self.needs_entities or self.needs_kb or self.makes_entities

    @property
    def makes_entities(self) -> bool:
        """Whether the injector makes its entity vectors itself."""
        return bool(self._injector.makes_entities)

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


def row_parts(
    resolved: ResolvedSpec, source: RowSource, host: str, task: str, seed: int
) -> RowParts:
    """Return the components of a row on a host for a task."""
    bound = resolved.hosts[host]
    checkpoint = bound.section.checkpoint
    return RowParts(
        injector=source.injector,
        task=resolved.tasks[task].task,
        backbone=resolved.backbone,
        adaptation=bound.adaptation,
        checkpoint=Path(checkpoint) if checkpoint else None,
        seed=seed,
        precision=resolved.spec.run.precision,
    )


def files_of(bound: BoundComponent, *, test: bool = True) -> list[Path]:
    """Return every file a component reads: those its options name and those it names itself.

    A backbone nested in it, such as a linker's encoder, counts with its whole folder.

    Args:
        bound: the component.
        test: whether files count that a task reads its test examples from alone (`OnlyTest`).
    """
    own = list(bound.input_paths(test=test))
    if bound.registered.component.kind in {"kb", "task"}:
        own += bound.create(Context()).files()
    # The options of a backbone only say where its folder lies.
    nested = (part for part in bound.walk() if part is not bound)
    backbones = (part for part in nested if part.registered.component.kind == "backbone")
    return [*own, *(part.create(Context()).folder() for part in backbones)]


def saved_names(artifacts: Iterable[Path | None]) -> dict[Path, str]:
    """Name each artifact in the plan, by as many parts of its path as tell it from the others.

    No knowledge section can have such a name: a colon is not allowed in an id.
    """
    names = tails(path for path in artifacts if path is not None)
    return {path: f"saved:{tail}" for path, tail in names.items()}


def tails(paths: Iterable[Path]) -> dict[Path, str]:
    """Return of each path as many of its last parts as tell it from the others."""
    distinct = sorted(set(paths))
    found: dict[Path, str] = {}
    for path in distinct:
        parts, count = path.parts, 1
        while count < len(parts) and any(
            other.parts[-count:] == parts[-count:] for other in distinct if other != path
        ):
            count += 1
        found[path] = "/".join(parts[-count:])
    return found
