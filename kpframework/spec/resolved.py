"""A validated spec: every component section bound to the plugin that provides it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from kpframework.api.config import ComponentConfig, ComponentRef
from kpframework.plugins.editable import distribution_digest, source_digest
from kpframework.plugins.requirements import built_on, pinned
from kpframework.spec.fields import input_values, only_test, put_dotted, step_into
from kpframework.spec.models import (
    HostSection,
    InjectionSection,
    KnowledgeSection,
    Spec,
    TaskSection,
)

if TYPE_CHECKING:
    from kpframework.api.context import Context
    from kpframework.plugins.records import RegisteredComponent
    from kpframework.plugins.registry import Registry
    from kpframework.spec.tree import Node


@dataclass(frozen=True)
class BoundComponent:
    """A component section whose options were validated by the plugin's own model."""

    registered: RegisteredComponent
    config: ComponentConfig
    path: str
    """Where it stands in the spec: ``injections[map].mapper``."""
    type: str
    """The name the spec selects it by, short or qualified."""
    registry: Registry = field(repr=False)
    children: Mapping[str, BoundComponent] = field(default_factory=dict)
    """Nested components by their field path inside `config`, such as ``mapper`` or ``parts.0``."""

    def options(self) -> dict[str, Any]:
        """Return the options as JSON, every default written out, children filled in."""
        data = self.config.model_dump(mode="json", by_alias=True)
        for path, nested in self.children.items():
            put_dotted(data, path, nested.filled())
        return data

    def filled(self) -> dict[str, Any]:
        """Return the section as JSON: ``type`` and every option."""
        return {"type": self.type, **self.options()}

    def key_data(self, *, test: bool = True) -> dict[str, Any]:
        """Return what identifies the component in the key of a step, as JSON.

        A path option is represented by its last part: where a file lies changes nothing, what it
        holds does. Hash the content of `input_paths` beside this.

        Args:
            test: whether options count that concern a task's test examples alone (`OnlyTest`).
        """
        data = self.config.model_dump(mode="json", by_alias=True)
        for path, value, _ in input_values(self.config):
            put_dotted(data, path, Path(value).name)
        for path in [*self.children, *(() if test else only_test(self.config))]:
            put_dotted(data, path, None)
        own = self.registered
        # The target may lie in a library that is edited beside its plugin.
        target = own.component.target.partition(":")[0]
        digests = distribution_digest(own.distribution), source_digest(own.distribution, target)
        sources = [digest for digest in digests if digest]
        requires = {name: pinned(name) for name in built_on(own.distribution)}
        return {
            "component": f"{own.kind}:{own.qualified}",
            "distribution": own.distribution,
            "version": own.version,
            "config": data,
            "children": {path: child.key_data() for path, child in sorted(self.children.items())},
            # The author of a plugin changes it without changing its version.
            **({"source": sources} if sources else {}),
            # It may import what another plugin's distribution holds.
            **({"requires": requires} if requires else {}),
        }

    def input_paths(self, *, test: bool = True) -> list[Path]:
        """Return the files and folders that the options of this and nested components name.

        They come in the order of the options' names, not of their own: their digests stand beside
        `key_data`, where train and test are told apart by nothing else once both files have one
        name. A folder whose component says itself what it reads of it is left out.

        Args:
            test: whether options count that concern a task's test examples alone (`OnlyTest`).
        """
        left_out = () if test else tuple(only_test(self.config))
        paths = [
            Path(value)
            for path, value, kind in sorted(input_values(self.config), key=itemgetter(0))
            if kind.whole and not any(f"{path}.".startswith(f"{own}.") for own in left_out)
        ]
        for _, child in sorted(self.children.items()):
            paths += child.input_paths()
        return paths

    def walk(self) -> Iterator[BoundComponent]:
        """Yield this component and all nested ones."""
        yield self
        for child in self.children.values():
            yield from child.walk()

    def create(self, context: Context) -> Any:
        """Import the target and return ``target(config, context)``.

        ``context.create(kind, ref)`` finds the nested components bound here; any other ref is
        validated first.

        Raises:
            PluginError: the plugin's module cannot be imported.
            SpecError: a nested section made at run time is wrong.
        """
        target = self.registry.load_target(self.registered)
        return target(self.config, replace(context, create=_Creator(self, context)))


@dataclass(frozen=True)
class _Creator:
    parent: BoundComponent
    context: Context

    def __call__(self, kind: str, ref: ComponentRef) -> Any:
        return self._bound(kind, ref).create(self.context)

    def _bound(self, kind: str, ref: ComponentRef) -> BoundComponent:
        children = self.parent.children
        for same in (True, False):
            for path, nested in children.items():
                if nested.registered.kind != kind:
                    continue
                own = _at(self.parent.config, path)
                if own is ref if same else own == ref:
                    return nested
        from kpframework.spec.resolve import bind_ref

        return bind_ref(kind, ref, self.parent.registry)


@dataclass(frozen=True)
class BoundKnowledge:
    """A knowledge section and its three components."""

    section: KnowledgeSection
    kb: BoundComponent
    embeddings: BoundComponent
    linker: BoundComponent


@dataclass(frozen=True)
class BoundTask:
    """A task section and its component."""

    section: TaskSection
    task: BoundComponent


@dataclass(frozen=True)
class BoundHost:
    """A host section: an adaptation, or the path of a checkpoint in ``section.checkpoint``."""

    section: HostSection
    adaptation: BoundComponent | None


@dataclass(frozen=True)
class BoundInjection:
    """A row."""

    section: InjectionSection
    injector: BoundComponent | None
    """None where the row is an artifact's. A row made ``from`` another has the other's injector."""
    row: str | None
    """Id of the row it is made from, where ``from`` names one."""
    artifact: Path | None
    """Folder of the saved plugin it is made from, where ``from`` names one."""
    knowledge: str | None
    """Id of its knowledge section, the default filled in; None if it uses no entities or the spec
    has no knowledge."""


@dataclass(frozen=True)
class ResolvedSpec:
    """A spec of which everything was checked that can be checked without running it."""

    spec: Spec
    source: Path
    """The file it was read from."""
    registry: Registry
    backbone: BoundComponent
    knowledge: Mapping[str, BoundKnowledge]
    tasks: Mapping[str, BoundTask]
    hosts: Mapping[str, BoundHost]
    injections: Mapping[str, BoundInjection]
    executor: BoundComponent | None
    """Who links a corpus; None is left to the command."""
    trackers: Sequence[BoundComponent]
    """What watches a run."""
    root: Node = field(repr=False)
    """The spec as it was written, with the places of its values."""

    def filled(self) -> dict[str, Any]:
        """Return the spec as JSON with every default written out; itself a valid spec."""
        data = self.spec.model_dump(mode="json", by_alias=True)
        data["backbone"] = self.backbone.filled()
        data["executor"] = self.executor and self.executor.filled()
        data["trackers"] = [tracker.filled() for tracker in self.trackers]
        for section in data["knowledge"]:
            bound = self.knowledge[section["id"]]
            for part in ("kb", "embeddings", "linker"):
                section[part] = getattr(bound, part).filled()
        for section in data["tasks"]:
            section.update(self.tasks[section["id"]].task.options())
        for section in data["hosts"]:
            adaptation = self.hosts[section["id"]].adaptation
            section["adaptation"] = adaptation and adaptation.filled()
        for section in data["injections"]:
            row = self.injections[section["id"]]
            if row.injector and section["from"] is None:
                section.update(row.injector.options())
        return data

    def components(self) -> Iterator[BoundComponent]:
        """Yield every bound component that moves a result, nested ones too, in the spec's order."""
        yield from self.backbone.walk()
        for knowledge in self.knowledge.values():
            for part in (knowledge.kb, knowledge.embeddings, knowledge.linker):
                yield from part.walk()
        for task in self.tasks.values():
            yield from task.task.walk()
        for host in self.hosts.values():
            if host.adaptation:
                yield from host.adaptation.walk()
        for row in self.injections.values():
            if row.injector and row.row is None:
                yield from row.injector.walk()


def _at(config: BaseModel, path: str) -> Any:
    value: Any = config
    for step in path.split("."):
        value = step_into(value, step)
    return value
