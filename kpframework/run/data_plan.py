"""The steps that a plan's rows share: examples, knowledge bases, vectors, links, corpora."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import kpframework
from kpframework.api.context import Context
from kpframework.run.row_plan import RowSource, files_of, saved_names
from kpframework.run.step import Step
from kpframework.run.steps import artifact as artifact_steps
from kpframework.run.steps import hosts as host_steps
from kpframework.run.steps import knowledge as knowledge_steps
from kpframework.spec.resolved import BoundComponent, ResolvedSpec

CORE = {"kpframework": kpframework.__version__}


def kb_step(name: str, bound: BoundComponent) -> Step:
    """Return the step that stores a knowledge base.

    Args:
        name: the knowledge section's.
        bound: its provider.
    """
    return Step(
        name=f"kb[{name}]",
        kind="kb",
        params={**CORE, "kb": bound.key_data()},
        inputs={},
        files=tuple(files_of(bound)),
        action=knowledge_steps.read_kb(bound, name),
    )


class DataPlanner:
    """Makes each step of a spec's data once, whichever row asks for it first."""

    def __init__(self, resolved: ResolvedSpec) -> None:
        self.resolved = resolved
        self.spec = resolved.spec
        self.saved = saved_names(row.artifact for row in resolved.injections.values())

    def _step(
        self,
        name: str,
        kind: str,
        action: Any,
        params: Mapping[str, Any],
        inputs: Mapping[str, Step] | None = None,
        files: Iterable[Path] = (),
    ) -> Step:
        if name not in self._made:
            self._made[name] = Step(
                name=name,
                kind=kind,
                params={**CORE, **params},
                inputs=dict(inputs or {}),
                files=tuple(files),
                action=action,
            )
        return self._made[name]

    @cached_property
    def _made(self) -> dict[str, Step]:
        return {}

    # Tasks

    def _examples(self, task: str) -> Step:
        return self._task_step(task, "examples", ("train", "dev"))

    def _test(self, task: str) -> Step:
        return self._task_step(task, "test", ("test",))

    def _task_step(self, task: str, kind: str, splits: tuple[str, ...]) -> Step:
        bound = self.resolved.tasks[task].task
        test = "test" in splits
        params: dict[str, Any] = {"task": bound.key_data(test=test), "splits": list(splits)}
        files = files_of(bound, test=test)
        if bound.create(Context()).needs_tokenizer:
            params["backbone"], more = self._backbone_parts
            files += more
        return self._step(
            f"{kind}[{task}]",
            "examples",
            host_steps.examples(bound, splits, self.resolved.backbone),
            params,
            files=files,
        )

    # Knowledge

    def _kb(self, name: str) -> Step:
        own = f"kb[{name}]"
        if own not in self._made:
            self._made[own] = kb_step(name, self.resolved.knowledge[name].kb)
        return self._made[own]

    def _trained_kb(self, name: str) -> Step:
        section = self.resolved.knowledge[name].section.exclude
        if section is None:
            return self._kb(name)
        inputs = {"kb": self._kb(name), "examples": self._examples(section.task)}
        if "test" in section.splits:
            inputs["test"] = self._test(section.task)
        return self._step(
            f"exclude[{name}]",
            "kb",
            knowledge_steps.exclude(section),
            {"exclude": section.model_dump(mode="json", exclude={"task"})},
            inputs,
        )

    def _leaks(self, name: str, task: str, excluded: Step | None) -> Step:
        """Return the step that counts what a knowledge base tells of a task's test instances.

        Args:
            name: the knowledge section's.
            task: that is linked to it.
            excluded: what its rows read in its place; None if they read it as it is.
        """
        inputs = {"kb": excluded or self._kb(name), "test": self._test(task)}
        return self._step(f"leaks[{name}/{task}]", "leaks", knowledge_steps.count_leaks, {}, inputs)

    def _embeddings(self, name: str) -> Step:
        own = self.resolved.knowledge[name]
        bound, dtype = own.embeddings, own.section.dtype
        seed = self.spec.seeds[0]
        return self._step(
            f"embeddings[{name}]",
            "embeddings",
            knowledge_steps.embed(bound, seed, dtype),
            {"embeddings": bound.key_data(), "seed": seed} | ({"dtype": dtype} if dtype else {}),
            {"kb": self._trained_kb(name)},
            files=files_of(bound),
        )

    def _table(self, source: RowSource) -> Step:
        table = (
            self._embeddings(source.knowledge)
            if source.knowledge
            else self._part(source, "entities")
        )
        if source.control is None:
            return table
        seed = self.spec.seeds[0]
        return self._step(
            f"{table.name}/{source.control}",
            "embeddings",
            knowledge_steps.control_table(source.control, seed),
            {"control": source.control, "seed": seed},
            {"table": table},
        )

    def _knowledge_inputs(self, source: RowSource) -> dict[str, Step]:
        """Return the ``table`` and the ``kb`` of a row, as far as its injector uses them."""
        inputs = {"table": self._table(source)} if source.needs_entities else {}
        if source.needs_kb:
            own = source.knowledge
            inputs["kb"] = self._trained_kb(own) if own else self._part(source, "kb")
        return inputs

    def _linked(self, source: RowSource, task: str, kind: str) -> Step:
        splits = ("test",) if kind == "links-test" else ("train", "dev")
        examples = self._test(task) if kind == "links-test" else self._examples(task)
        linker = source.linker
        assert linker is not None
        kb = self._kb(source.knowledge) if source.knowledge else self._part(source, "kb")
        return self._step(
            f"{kind}[{source.name}/{task}]",
            "links",
            knowledge_steps.link(linker, splits),
            {"linker": linker.key_data(), "splits": list(splits)},
            {"kb": kb, "examples": examples},
            files=files_of(linker),
        )

    def _corpus(self, corpus: str, name: str) -> Step:
        section = next(c for c in self.spec.corpora if c.id == corpus)
        linker = self.resolved.knowledge[name].linker
        inputs = {"kb": self._kb(name)}
        if section.kb is not None:
            inputs["source"] = self._kb(section.kb)
        elif section.task is not None:
            inputs["source"] = self._examples(section.task)
        params = section.model_dump(mode="json", exclude={"id", "kb", "task", "path"})
        return self._step(
            f"corpus[{corpus}/{name}]",
            "corpus",
            knowledge_steps.corpus(section, linker),
            {"corpus": params, "linker": linker.key_data()},
            inputs,
            files=[*files_of(linker), *([Path(section.path)] if section.path else [])],
        )

    def _part(self, source: RowSource, name: artifact_steps.Part) -> Step:
        assert source.artifact is not None
        label = self.saved[source.artifact]
        return artifact_steps.part(self._step, source.artifact, name, label)

    # The backbone

    def _backbone(self) -> tuple[dict[str, Any], list[Path]]:
        bound = self.resolved.backbone
        # What identifies the model is its content; the options only say where it lies.
        key = {name: value for name, value in bound.key_data().items() if name != "config"}
        own = bound.create(Context())
        if pinned := own.pinned():  # nothing has to be fetched for it
            return {**key, "pinned": pinned}, files_of(bound)
        return key, [*files_of(bound), own.folder()]

    @cached_property
    def _backbone_parts(self) -> tuple[dict[str, Any], list[Path]]:
        return self._backbone()
