"""From a resolved spec to a plan: which steps, and which of them each cell of the table needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpframework.errors import SpecError
from kpframework.run.data_plan import DataPlanner
from kpframework.run.preflight import preflight
from kpframework.run.row_plan import Cell, RowSource, files_of, row_parts
from kpframework.run.step import Step
from kpframework.run.steps import artifact as artifact_steps
from kpframework.run.steps import hosts as host_steps
from kpframework.run.steps import injection as injection_steps
from kpframework.spec.resolved import ResolvedSpec


@dataclass(frozen=True)
class Plan:
    """The steps of a spec, and the cells of its table."""

    resolved: ResolvedSpec
    steps: list[Step]
    """Every step once, each after its inputs."""
    cells: list[Cell]
    """One for each (row, host, task), with its steps for every seed."""
    knowledge: Mapping[str, Mapping[str, Step]]
    """For each knowledge section its ``kb``, ``excluded`` (if any) and ``embeddings``, and for each
    task that it is linked in ``links[TASK]`` and ``leaks[TASK]``."""
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


class _Planner(DataPlanner):
    def __init__(self, resolved: ResolvedSpec) -> None:
        super().__init__(resolved)
        self.steps: dict[str, Step] = {}

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
        self._count_leaks()
        knowledge = {name: self._knowledge_parts(name) for name in self.resolved.knowledge}
        examples = {
            task: {"examples": self._examples(task), "test": self._test(task)}
            for task in self.resolved.tasks
        }
        masked = self.steps.get("masked-lm")
        return Plan(self.resolved, list(self.steps.values()), cells, knowledge, examples, masked)

    def _knowledge_parts(self, name: str) -> Mapping[str, Step]:
        parts = {"kb": self._kb(name), "embeddings": self._embeddings(name)}
        if self.resolved.knowledge[name].section.exclude is not None:
            parts["excluded"] = self._trained_kb(name)
        for task in self.resolved.tasks:
            for part, kind in (("links", "links-test"), ("leaks", "leaks")):
                step = self._made.get(f"{kind}[{name}/{task}]")
                if step is not None:
                    parts[f"{part}[{task}]"] = step
        return {part: step for part, step in parts.items() if step.name in self.steps}

    def _count_leaks(self) -> None:
        """Count them first: instances that cannot be read end a run before it has trained."""
        others, self.steps = self.steps, {}
        for name in self.resolved.knowledge:
            for task in self.resolved.tasks:
                if f"links-test[{name}/{task}]" in others:
                    self._collect(self._leaks(name, task, others.get(f"exclude[{name}]")))
        self.steps |= others

    def _collect(self, step: Step) -> None:
        for parent in step.inputs.values():
            self._collect(parent)
        self.steps.setdefault(step.name, step)

    # Hosts

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
            injector = artifact_steps.bound(artifact, "injector", self.resolved.registry)
            name = bound.section.knowledge or origin.section.knowledge or ""
        assert injector is not None
        linker = self.resolved.knowledge[name].linker if name else None
        if artifact is not None and not name:
            linker = artifact_steps.bound(artifact, "linker", self.resolved.registry)
            links = self.saved[artifact]
        else:
            links = name
        return RowSource(injector, linker, links, name, bound.section.control, artifact)

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
                if parts.adaptation is None:  # where it is declared, the spec is refused
                    raise SpecError(
                        "KP315",
                        f"row {row!r} trains its host, but host {host!r} is a finished checkpoint",
                        "give the host an adaptation, or leave this row to a spec of its own",
                    )
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
                "answered": injection_steps.ANSWERED,
                **self._numerics,
            },
            inputs,
            files,
        )
