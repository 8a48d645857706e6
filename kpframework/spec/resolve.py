"""From a spec file to a resolved spec, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from kpframework.api.config import ComponentRef
from kpframework.errors import SpecError
from kpframework.spec.binding import Binder
from kpframework.spec.checks import check, is_path, uses_knowledge
from kpframework.spec.fields import absolute, keys
from kpframework.spec.findings import Findings
from kpframework.spec.models import (
    CompareSection,
    CorpusSection,
    Exclusion,
    HostSection,
    InjectionSection,
    KnowledgeSection,
    LMHeadSection,
    RunSection,
    Spec,
    TaskSection,
)
from kpframework.spec.override import overridden
from kpframework.spec.resolved import (
    BoundComponent,
    BoundHost,
    BoundInjection,
    BoundKnowledge,
    BoundTask,
    ResolvedSpec,
)
from kpframework.spec.source import load_tree
from kpframework.spec.tree import Loc, Node, Place, node_of
from kpframework.spec.wording import Section

if TYPE_CHECKING:
    from kpframework.plugins.registry import Registry

_TITLES: dict[type[BaseModel], str] = {
    Spec: "the spec",
    KnowledgeSection: "a knowledge section",
    Exclusion: "an exclude section",
    CorpusSection: "a corpus",
    TaskSection: "a task",
    HostSection: "a host",
    InjectionSection: "an injection",
    CompareSection: "the compare section",
    RunSection: "the run section",
    LMHeadSection: "the lm_head section",
}
TASK_KEYS = ("id",)
INJECTION_KEYS = tuple(key for key in keys(InjectionSection) if key != "type")


def load_spec(
    path: Path | str, overrides: Sequence[str] = (), registry: Registry | None = None
) -> ResolvedSpec:
    """Load a spec with all it extends, apply overrides, and validate it against the plugins.

    Args:
        path: a ``.json``, ``.yaml``, ``.yml`` or ``.toml`` file.
        overrides: ``a.b.c=value`` each; a value is JSON, or else text.
        registry: the installed components; None loads them.

    Raises:
        SpecError: with every problem of the spec, in the order of the file.
    """
    source = Path(path)
    root = overridden(load_tree(source), overrides)
    if registry is None:
        from kpframework.plugins import load

        registry = load()
    findings = Findings(root)
    binder = Binder(registry, findings)
    data, parts = binder.prepare(Spec, root, ())
    tasks: dict[int, BoundComponent | None] = {}
    rows: dict[int, BoundComponent | None] = {}
    for i, node in (root.get("tasks") or root).items():
        if isinstance(node.value, dict):
            tasks[i] = binder.component("task", ("tasks", i), node, TASK_KEYS)
    for i, node in (root.get("injections") or root).items():
        origin = node.get("from")
        if origin is not None and isinstance(origin.value, str) and is_path(origin.value):
            data["injections"][i]["from"] = absolute(origin)
        kind = node.get("type")
        if kind is not None and kind.value is not None:
            loc: Loc = ("injections", i)
            rows[i] = binder.component("injector", loc, node, INJECTION_KEYS)
    section = Section((), Spec, "the spec", core=("extends",), titles=_TITLES)
    spec = binder.validate(section, data, source.absolute().parent)
    sections = (root.get("knowledge") or root).items()
    vectors = {i: parts.get(("knowledge", i, "embeddings")) for i, _ in sections}
    check(root, rows, tasks, vectors, findings)
    findings.raise_any()
    return _assembled(spec, source.absolute(), root, registry, parts, tasks, rows)


def bind_ref(kind: str, ref: ComponentRef, registry: Registry) -> BoundComponent:
    """Validate a component section made at run time.

    Raises:
        SpecError: it is wrong.
    """
    place = Place(f"{kind} {ref.type!r}", 0, 0, Path.cwd())
    node = node_of(ref.model_dump(mode="json"), place)
    findings = Findings(node)
    bound = Binder(registry, findings).component(kind, (), node)
    findings.raise_any()
    return _given(bound)


def _given(bound: BoundComponent | None) -> BoundComponent:
    if bound is None:
        raise SpecError("KP316", "a component could not be bound, and no reason was recorded")
    return bound


def _assembled(
    spec: Spec,
    source: Path,
    root: Node,
    registry: Registry,
    parts: dict[Loc, BoundComponent | None],
    tasks: dict[int, BoundComponent | None],
    rows: dict[int, BoundComponent | None],
) -> ResolvedSpec:
    knowledge = {
        section.id: BoundKnowledge(
            section,
            _given(parts["knowledge", i, "kb"]),
            _given(parts["knowledge", i, "embeddings"]),
            _given(parts["knowledge", i, "linker"]),
        )
        for i, section in enumerate(spec.knowledge)
    }
    sections = {section.id: section for section in spec.injections}
    own = {section.id: rows.get(i) for i, section in enumerate(spec.injections)}
    return ResolvedSpec(
        spec=spec,
        source=source,
        root=root,
        registry=registry,
        backbone=_given(parts["backbone",]),
        executor=parts.get(("executor",)),
        trackers=[_given(parts["trackers", i]) for i in range(len(spec.trackers))],
        knowledge=knowledge,
        tasks={s.id: BoundTask(s, _given(tasks[i])) for i, s in enumerate(spec.tasks)},
        hosts={
            s.id: BoundHost(s, parts.get(("hosts", i, "adaptation")))
            for i, s in enumerate(spec.hosts)
        },
        injections={
            section.id: _row(section, sections, own, next(iter(knowledge), None))
            for section in spec.injections
        },
    )


def _row(
    section: InjectionSection,
    sections: dict[str, InjectionSection],
    own: dict[str, BoundComponent | None],
    first: str | None,
) -> BoundInjection:
    origin = section
    while origin.from_ is not None and not is_path(origin.from_):
        origin = sections[origin.from_]
    injector = own[origin.id]
    uses = injector is None or uses_knowledge(injector)
    return BoundInjection(
        section=section,
        injector=injector,
        row=section.from_ if section.from_ in sections else None,
        artifact=Path(origin.from_) if origin.from_ is not None else None,
        knowledge=section.knowledge or origin.knowledge or (first if uses else None),
    )
