"""From a resolved spec to a plan: which steps, and which of them each cell of the table needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import kpframework
from kpframework.api.context import Context
from kpframework.run.preflight import preflight
from kpframework.run.row_plan import Cell, RowSource, files_of, row_parts, saved_names
from kpframework.run.step import Step
from kpframework.run.steps import artifact as artifact_steps
from kpframework.run.steps import hosts as host_steps
from kpframework.run.steps import injection as injection_steps
from kpframework.run.steps import knowledge as knowledge_steps
from kpframework.spec.resolved import ResolvedSpec

CORE = {"kpframework": kpframework.__version__}


@dataclass(frozen=True)
class Plan:
    """The steps of a spec, and the cells of its table."""

    resolved: ResolvedSpec
    steps: list[Step]
    """Every step once, each after its inputs."""
    cells: list[Cell]
    """One for each (row, host, task), with its steps for every seed."""
    knowledge: Mapping[str, Mapping[str, Step]]
    """For each knowledge section its ``kb``, ``excluded`` (if any), ``embeddings``, ``links``."""
    examples: Mapping[str, Mapping[str, Step]]
    """For each task its ``examples`` (train and dev) and ``test``."""
    masked_lm: Step | None = None

    def parts(self, cell: Cell, index: int = 0) -> injection_steps.RowParts:
        """Return the components of a cell for one of its seeds."""
        return row_parts(self.resolved, cell.source, cell.host, cell.task, cell.seeds[index])


def make_plan(resolved: ResolvedSpec) -> Plan:
    """Return the plan of a spec. Nothing is executed; files are hashed when keys are asked for."""
    preflight(resolved)
    return _Planner(resolved).plan()


def kb_step(resolved: ResolvedSpec, name: str) -> Step:
    """Return the step that stores a knowledge section's KB, whether a row needs it or not."""
    return _Planner(resolved)._kb(name)


class _Planner:
    def __init__(self, resolved: ResolvedSpec) -> None:
        self.resolved = resolved
        self.spec = resolved.spec
        self.steps: dict[str, Step] = {}
        self.saved = saved_names(row.artifact for row in resolved.injections.values())

    def plan(self) -> Plan:
        cells = [
            self._cell(row, host, task)
            for task in self.resolved.tasks
            for host in self.resolved.hosts
            for row in self.resolved.injections
        ]
        for cell in cells:
            for step in cell.evaluations:
                self._collect(step)
        knowledge = {name: self._knowledge_parts(name) for name in self.resolved.knowledge}
        examples = {
            task: {"examples": self._examples(task), "test": self._test(task)}
            for task in self.resolved.tasks
        }
        masked = self.steps.get("masked-lm")
        return Plan(self.resolved, list(self.steps.values()), cells, knowledge, examples, masked)

    def _collect(self, step: Step) -> None:
        for parent in step.inputs.values():
            self._collect(parent)
        self.steps.setdefault(step.name, step)

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
        bound = self.resolved.knowledge[name].kb
        return self._step(
            f"kb[{name}]",
            "kb",
            knowledge_steps.read_kb(bound, name),
            {"kb": bound.key_data()},
            files=files_of(bound),
        )

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

    def _embeddings(self, name: str) -> Step:
        bound = self.resolved.knowledge[name].embeddings
        seed = self.spec.seeds[0]
        return self._step(
            f"embeddings[{name}]",
            "embeddings",
            knowledge_steps.embed(bound, seed),
            {"embeddings": bound.key_data(), "seed": seed},
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

    def _knowledge_parts(self, name: str) -> Mapping[str, Step]:
        parts = {"kb": self._kb(name), "embeddings": self._embeddings(name)}
        if self.resolved.knowledge[name].section.exclude is not None:
            parts["excluded"] = self._trained_kb(name)
        for task in self.resolved.tasks:
            links = self._made.get(f"links-test[{name}/{task}]")
            if links is not None:
                parts[f"links[{task}]"] = links
        return {part: step for part, step in parts.items() if step.name in self.steps}

    # Hosts

    def _backbone(self) -> tuple[dict[str, Any], list[Path]]:
        bound = self.resolved.backbone
        # The folder's content is hashed; the options only say where it lies.
        key = {name: value for name, value in bound.key_data().items() if name != "config"}
        return key, [*files_of(bound), bound.create(Context()).folder()]

    @cached_property
    def _backbone_parts(self) -> tuple[dict[str, Any], list[Path]]:
        return self._backbone()

    def _host(self, host: str, task: str, seed: int) -> Step | None:
        bound = self.resolved.hosts[host]
        if bound.adaptation is None:
            return None
        key, files = self._backbone_parts
        task_of = self.resolved.tasks[task].task
        return self._step(
            f"host[{host}/{task}/seed{seed}]",
            "host",
            host_steps.adapt(
                bound.adaptation, self.resolved.backbone, task_of, seed, self.spec.run
            ),
            {
                "adaptation": bound.adaptation.key_data(),
                "backbone": key,
                "task": task_of.key_data(test=False),
                "seed": seed,
                **self._numerics,
            },
            {"examples": self._examples(task)},
            files=[*files, *files_of(bound.adaptation)],
        )

    @property
    def _numerics(self) -> dict[str, Any]:
        return {"precision": self.spec.run.precision, "threads": self.spec.run.threads}

    def _masked_lm(self) -> Step:
        """Return the one masked LM; a head is fitted on the first corpus that a row trains on."""
        sources = [self._source(r) for r, b in self.resolved.injections.items() if b.section.type]
        reading = {(s.corpus, s.knowledge) for s in sources if s.language_model}
        # In the order of the sections, so that the order of the rows changes nothing.
        corpus, knowledge = next(
            (section.id, name)
            for section in self.spec.corpora
            for name in self.resolved.knowledge
            if (section.id, name) in reading
        )
        key, files = self._backbone_parts
        config, seed = self.spec.lm_head, self.spec.seeds[0]
        return self._step(
            "masked-lm",
            "host",
            host_steps.masked_lm(self.resolved.backbone, config, seed),
            {
                "backbone": key,
                "head": config.model_dump(mode="json"),
                "seed": seed,
                **self._numerics,
            },
            {"corpus": self._corpus(corpus, knowledge)},
            files=files,
        )

    # Rows

    def _source(self, row: str) -> RowSource:
        """Return where a row's vectors, mentions and injector come from."""
        bound = origin = self.resolved.injections[row]
        while origin.row is not None:
            origin = self.resolved.injections[origin.row]
        artifact, injector, name = bound.artifact, bound.injector, bound.knowledge or ""
        if artifact is not None:
            injector = artifact_steps.injector(artifact, self.resolved.registry)
            name = bound.section.knowledge or origin.section.knowledge or ""
        assert injector is not None
        linker = self.resolved.knowledge[name].linker if name else None
        if artifact is not None and not name:
            linker = artifact_steps.linker(artifact, self.resolved.registry)
            links = self.saved[artifact]
        else:
            links = name
        return RowSource(injector, linker, links, name, bound.section.control, artifact)

    def _part(self, source: RowSource, name: artifact_steps.Part) -> Step:
        assert source.artifact is not None
        label = self.saved[source.artifact]
        return artifact_steps.part(self._step, source.artifact, name, label)

    def _trained(self, row: str, host: str, task: str, seed: int) -> Step | None:
        """Return the step whose output holds the row's trained tensors."""
        bound = self.resolved.injections[row]
        if bound.row is not None:
            return self._trained(bound.row, host, task, seed)
        source = self._source(row)
        if source.artifact is not None:
            return self._part(source, "module")
        stage = source.stage
        if stage == "none":
            return None
        inputs = self._knowledge_inputs(source)
        params: dict[str, Any] = {"injector": source.injector.key_data(), "seed": seed}
        parts = row_parts(self.resolved, source, host, task, seed)
        files = files_of(source.injector)
        if source.corpus:
            inputs["corpus"] = self._corpus(source.corpus, source.knowledge)
        if source.language_model:
            inputs["mlm" if stage == "general" else "lm"] = self._masked_lm()
        if stage == "general" and source.language_model:
            name = f"train[{row}/seed{seed}]"
        elif stage in {"general", "backbone"}:
            name = f"train[{row}/seed{seed}]"
            params["backbone"], more = self._backbone_parts
            files += more
        else:
            name = f"train[{row}/{host}/{task}/seed{seed}]"
            inputs["examples"] = self._examples(task)
            inputs["links"] = self._linked(source, task, "links")
            params["task"] = parts.task.key_data(test=False)
            if source.trains_host:
                assert parts.adaptation is not None  # else the spec is refused
                params["adaptation"] = parts.adaptation.key_data()
                params["backbone"], more = self._backbone_parts
                files += [*more, *files_of(parts.adaptation)]
            else:
                files += self._put_host(inputs, host, task, seed)
        init = bound.section.init
        if init is not None and (first := self._trained(init, host, task, seed)) is not None:
            inputs["init"] = first
        return self._step(
            name,
            "train",
            injection_steps.train(parts),
            {**params, **self._numerics},
            inputs,
            files,
        )

    def _put_host(self, inputs: dict[str, Step], host: str, task: str, seed: int) -> list[Path]:
        step = self._host(host, task, seed)
        if step is None:
            return [Path(self.resolved.hosts[host].section.checkpoint or "")]
        inputs["host"] = step
        return []

    def _cell(self, row: str, host: str, task: str) -> Cell:
        source = self._source(row)
        trained = [self._trained(row, host, task, seed) for seed in self.spec.seeds]
        evaluations = [
            self._evaluation(row, host, task, seed, step)
            for seed, step in zip(self.spec.seeds, trained, strict=True)
        ]
        hosts = [self._host(host, task, seed) for seed in self.spec.seeds]
        return Cell(row, host, task, source, list(self.spec.seeds), hosts, trained, evaluations)

    def _evaluation(self, row: str, host: str, task: str, seed: int, trained: Step | None) -> Step:
        source = self._source(row)
        parts = row_parts(self.resolved, source, host, task, seed)
        inputs: dict[str, Step] = {"examples": self._examples(task), "test": self._test(task)}
        files = files_of(source.injector)
        if not source.trains_host:
            files += self._put_host(inputs, host, task, seed)
        inputs |= self._knowledge_inputs(source)
        if source.uses_knowledge:
            inputs["links"] = self._linked(source, task, "links")
            inputs["links-test"] = self._linked(source, task, "links-test")
        if trained is not None:
            inputs["train"] = trained
        return self._step(
            f"evaluate[{row}/{host}/{task}/seed{seed}]",
            "evaluate",
            injection_steps.evaluate(parts),
            {
                "injector": source.injector.key_data(),
                "task": parts.task.key_data(),
                "seed": seed,
                **self._numerics,
            },
            inputs,
            files,
        )
