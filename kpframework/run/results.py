"""From finished steps to ``results.json``: metrics with intervals, coverage, curves, examples."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import starmap
from typing import Any

import numpy as np

import kpframework
from kpframework.api.context import Context
from kpframework.api.text import Example
from kpframework.kb.store import open_store
from kpframework.run.bootstrap import Resampled, estimate, resample
from kpframework.run.changed import Answered, changed_answers
from kpframework.run.examples_file import read_examples, read_mentions
from kpframework.run.plan import Plan
from kpframework.run.resamples import CellResamples, Place, cell_resamples
from kpframework.run.row_facts import (
    curves_of,
    mean_seconds,
    most_memory,
    most_parameters,
    training_cost,
    without_ends,
)
from kpframework.run.row_plan import Cell
from kpframework.run.step import Step
from kpframework.run.step_result import StepResult
from kpframework.run.steps.knowledge import task_at_work
from kpframework.run.steps.reached import REACHED_FILE


class Results:
    """Assembles the results of a plan's finished steps."""

    def __init__(self, plan: Plan, done: Mapping[str, StepResult]) -> None:
        self.plan = plan
        self.done = done
        self.spec = plan.resolved.spec
        self.tasks = {name: self._task_of(name) for name in plan.resolved.tasks}
        self.tests = {name: self._test(name) for name in self.tasks}
        self._held: dict[Place, Any] = {}
        self._drawn: dict[tuple[Place, bytes], dict[str, Resampled]] = {}

    def build(self) -> dict[str, Any]:
        """Return the content of ``results.json``, as far as steps tell it."""
        compare = self.spec.compare
        return {
            "name": self.spec.name,
            "description": self.spec.description,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": kpframework.__version__,
            "seeds": list(self.spec.seeds),
            "resamples": compare.resamples,
            "confidence": compare.confidence,
            "backbone": self._backbone(),
            "tasks": [self._task(name) for name in self.tasks],
            "knowledge": [self._knowledge(name) for name in self.plan.knowledge],
            "rows": [self._row(cell) for cell in self.plan.cells],
            "examples": [e for cell in self.plan.cells for e in self._changed(cell)],
            "timing": [
                {"step": r.step.name, "seconds": r.seconds, "reused": r.status == "reused"}
                for r in self.done.values()
            ],
            "sections": [],
        }

    def resamples(self) -> dict[Place, CellResamples]:
        """Return each finished cell's metrics on every resample, for `write_resamples`."""
        return {
            (cell.row, cell.host, cell.task): cell_resamples(
                metrics, self.tests[cell.task], cell.seeds
            )
            for cell in self.plan.cells
            if self._finished(cell) and (metrics := self._resampled(cell, None))
        }

    def per_example(self) -> list[dict[str, Any]]:
        """Return the lines of ``results.jsonl``: one for each row, seed and test example."""
        lines = []
        for cell in self.plan.cells:
            task, examples = self.tasks[cell.task], self.tests[cell.task]
            for seed, step in zip(cell.seeds, cell.evaluations, strict=True):
                decisions = self._decisions(step)
                for example, decision in zip(examples, decisions, strict=False):
                    lines.append(
                        {
                            "task": cell.task,
                            "host": cell.host,
                            "injection": cell.row,
                            "seed": seed,
                            "id": example.id,
                            "gold": task.show(example.target, example),
                            "decision": task.show(decision, example),
                            "correct": task.quality(decision, example.target) == 1,
                        }
                    )
        return lines

    # Parts

    def _facts(self, step: Step | None) -> Mapping[str, Any]:
        result = None if step is None else self.done.get(step.name)
        return result.metrics if result and result.ok else {}

    def _cause(self, step: Step) -> str:
        """Return which step failed, and why, that a step is not there."""
        result = self.done[step.name]
        if result.status == "failed":
            return f"{step.name}: {result.reason}"
        return next(self._cause(s) for s in step.inputs.values() if not self.done[s.name].ok)

    def _task_of(self, name: str) -> Any:
        bound = self.plan.resolved.tasks[name].task
        read = self.done.get(self.plan.examples[name]["examples"].name)
        if read is None or read.folder is None:
            return bound.create(Context())
        return task_at_work(bound, Context(), read.folder)

    def _test(self, task: str) -> list[Example]:
        result = self.done.get(self.plan.examples[task]["test"].name)
        if result is None or result.folder is None:
            return []
        return list(read_examples(result.folder / "test.jsonl"))

    def _decisions(self, step: Step) -> list[Any]:
        result = self.done[step.name]
        if result.folder is None:
            return []
        decisions: list[Any] = json.loads((result.folder / "decisions.json").read_text("utf-8"))
        return decisions

    def _finished(self, cell: Cell) -> bool:
        return all(self.done[step.name].folder is not None for step in cell.evaluations)

    def _statistics(self, cell: Cell) -> Any:
        """Return the statistics of a finished cell, shape (seeds, examples, parts).

        Those of two cells are held, a row's and its baseline's: they are asked for with every class
        and subset, and may be large.
        """
        place = cell.row, cell.host, cell.task
        if place not in self._held:
            folders = [self.done[step.name].folder for step in cell.evaluations]
            files = [folder / "statistics.npy" for folder in folders if folder is not None]
            for old in list(self._held)[:-1]:
                del self._held[old]
            self._held[place] = np.stack([np.load(file, allow_pickle=False) for file in files])
        return self._held[place]

    def _backbone(self) -> dict[str, Any]:
        bound = self.plan.resolved.backbone
        facts = dict(bound.create(Context()).metadata())
        masked = self._facts(self.plan.masked_lm)
        head = {k: v for k, v in masked.items() if k not in {"fingerprint", "missing"}}
        return {
            "type": bound.type,
            **facts,
            "mlm_head": masked.get("mlm_head"),
            "mlm": head or None,
        }

    def _task(self, name: str) -> dict[str, Any]:
        task, steps = self.tasks[name], self.plan.examples[name]
        return {
            "id": name,
            "type": self.plan.resolved.tasks[name].task.type,
            "metrics": list(task.metrics),
            "labels": len(task.labels),
            "counts": {**self._facts(steps["examples"]), **self._facts(steps["test"])},
        }

    def _knowledge(self, name: str) -> dict[str, Any]:
        steps, bound = self.plan.knowledge[name], self.plan.resolved.knowledge[name]
        links = [s for part, s in steps.items() if part.startswith("links[")]
        section = bound.section.exclude
        excluded = dict(self._facts(steps.get("excluded")))
        return {
            "id": name,
            "kb": {"type": bound.kb.type, **self._facts(steps.get("kb"))},
            "excluded": None
            if section is None
            else {"match": section.match, "task": section.task, **excluded},
            "leaks": list(self._leaks(steps)),
            "embeddings": {"type": bound.embeddings.type, **self._facts(steps.get("embeddings"))},
            "linker": {
                "type": bound.linker.type,
                "statistics": dict(self._facts(links[0]).get("statistics", {})) if links else {},
            },
        }

    def _leaks(self, steps: Mapping[str, Step]) -> Iterator[dict[str, Any]]:
        for task in self.tasks:
            step = steps.get(f"leaks[{task}]")
            if step is not None and step.name in self.done:
                ok = self.done[step.name].ok
                yield {"task": task, **(self._facts(step) if ok else {"error": self._cause(step)})}

    def _row(self, cell: Cell) -> dict[str, Any]:
        injector = cell.source.injector
        row: dict[str, Any] = {
            "injection": cell.row,
            "host": cell.host,
            "task": cell.task,
            "method": {
                "type": injector.type,
                "distribution": injector.registered.distribution,
                "version": injector.registered.version,
                "reference": injector.registered.component.reference,
            },
            "knowledge": cell.source.knowledge or None,
            "control": cell.source.control,
            "control_of": self._control_of(cell),
            "trains_host": cell.source.trains_host,
            "kb_update": cell.source.kb_update,
            "status": "ok",
            "error": None,
        }
        facts = [self._facts(step) for step in cell.evaluations]
        failed = [self.done[s.name] for s in cell.evaluations if not self.done[s.name].ok]
        if failed:
            error = self._cause(failed[0].step)
            return row | {"status": failed[0].status, "error": error, "metrics": {}}
        trained = [self._facts(step) for step in cell.trained]
        costs = [training_cost(step, self._facts) for step in cell.trained]
        prints = [
            {"seed": seed, **own["fingerprint"]}
            for seed, own in zip(cell.seeds, facts, strict=True)
        ]
        unchanged = all(own["unchanged"] for own in prints) and all(
            own.get("fingerprint", {}).get("unchanged", True) for own in trained
        )
        return row | {
            "plug_and_play": unchanged and not cell.source.trains_host,
            **self._scores(cell, None),
            "dev": [
                {"seed": seed, **own["dev"]}
                for seed, own in zip(cell.seeds, facts, strict=True)
                if "dev" in own
            ],
            "subsets": self._subsets(cell),
            "classes": self._classes(cell),
            "coverage": without_ends(facts[0]["coverage"]),
            "truncation": facts[0]["truncation"],
            "space": facts[0].get("space"),
            "trained_on": trained[0].get("data", []),
            "parameters": most_parameters(costs),
            "memory": most_memory(trained),
            "input_overhead": float(np.mean([own["input_overhead"] for own in facts])),
            "seconds": {
                "train": mean_seconds(costs),
                "evaluate": float(np.mean([own["seconds"] for own in facts])),
            },
            "ms_per_example": float(np.mean([own["ms_per_example"] for own in facts])),
            "fingerprint": prints,
            "calibration": [
                {"seed": seed, **own["calibration"]}
                for seed, own in zip(cell.seeds, facts, strict=True)
            ],
            "curves": [
                curve
                for seed, own in zip(cell.seeds, trained, strict=True)
                for curve in curves_of(seed, own, self.tasks[cell.task].metrics[0])
            ],
        }

    def _control_of(self, cell: Cell) -> str | None:
        """Return the id of the row that differs from a control row in nothing but its vectors."""
        if cell.source.control is None:
            return None
        rows = self.plan.resolved.injections
        if rows[cell.row].row is not None:
            return rows[cell.row].row

        def made_by(own: Cell) -> tuple[Any, ...]:
            source, init = own.source, rows[own.row].section.init
            return source.knowledge, source.artifact, init, source.injector.key_data()

        taught = (
            o for o in self.plan.cells if o.source.control is None and o.source.needs_entities
        )
        return next((other.row for other in taught if made_by(other) == made_by(cell)), None)

    def _scores(self, cell: Cell, mask: Any, only: Sequence[str] = ()) -> dict[str, Any]:
        base = self._baseline(cell)
        if base is not None and base.row == cell.row:
            base = None
        other = {} if base is None else self._resampled(base, mask)
        scores = {
            name: estimate(own, other.get(name), confidence=self.spec.compare.confidence)
            for name, own in self._resampled(cell, mask).items()
            if not only or name in only
        }
        difference = None
        if base is not None and scores:
            difference = {
                "baseline": base.row,
                "metrics": {name: score.pop("difference") for name, score in scores.items()},
            }
        steps = [self._facts(step) for step in cell.evaluations]
        if mask is None:
            for name, score in scores.items():
                score["per_seed"] = [own["metrics"][name] for own in steps]
        return {"metrics": scores, "difference": difference}

    def _resampled(self, cell: Cell, mask: Any) -> dict[str, Resampled]:
        """Return a finished cell's metrics on every resample; a baseline is asked for often."""
        place = (cell.row, cell.host, cell.task), b"" if mask is None else mask.tobytes()
        if place not in self._drawn:
            self._drawn[place] = resample(
                self._statistics(cell),
                self.tasks[cell.task].score,
                resamples=self.spec.compare.resamples,
                mask=mask,
                groups=[example.group for example in self.tests[cell.task]],
            )
        return self._drawn[place]

    def _baseline(self, cell: Cell) -> Cell | None:
        row = self.spec.compare.baseline or self.spec.injections[0].id
        found = [
            other
            for other in self.plan.cells
            if (other.row, other.host, other.task) == (row, cell.host, cell.task)
        ]
        return found[0] if found and self._finished(found[0]) else None

    def _subsets(self, cell: Cell) -> list[dict[str, Any]]:
        """Return scores by how many of an example's own mentions have a vector."""
        ends = self._ends(cell)
        if ends is None:
            return []
        most = max((total for _, total in ends), default=0)
        names = {1: {1: "in KB", 0: "not in KB"}, 2: {2: "both ends", 1: "one end", 0: "no end"}}
        subsets = []
        for count in range(most, -1, -1):
            mask = np.array([found == count for found, _ in ends])
            if mask.any():
                name = names.get(most, {}).get(count, f"{count} of {most} mentions")
                scores = self._scores(cell, mask)
                subsets.append({"name": name, "count": int(mask.sum()), **scores})
        return subsets

    def _classes(self, cell: Cell) -> list[dict[str, Any]]:
        """Return the first metric of each class's examples, the largest class first."""
        task, examples = self.tasks[cell.task], self.tests[cell.task]
        own = np.array([task.class_of(example) for example in examples], dtype=object)
        sizes = Counter(name for name in own if name)
        ordered = sorted(sizes, key=lambda name: (-sizes[name], name))
        return [
            {
                "name": name,
                "count": sizes[name],
                **self._scores(cell, own == name, task.metrics[:1]),
            }
            for name in ordered
            if len(ordered) > 1
        ]

    def _ends(self, cell: Cell) -> list[tuple[int, int]] | None:
        """Return (with a vector, all) for each example, of this row or the first that has them."""
        for other in [cell, *self.plan.cells]:
            if other.task == cell.task:
                coverage = self._facts(other.evaluations[0]).get("coverage")
                if coverage:
                    return [(found, total) for found, total in coverage["ends"]]
        return None

    def _changed(self, cell: Cell) -> list[dict[str, Any]]:
        """Return examples whose answer differs from the baseline's, the first seed's."""
        base = self._baseline(cell)
        source = cell.source
        if base is None or base.row == cell.row or source.control or not source.uses_knowledge:
            return []
        step = cell.evaluations[0]
        links, answers = step.inputs.get("links-test"), self.done[step.name].folder
        folder = self.done[links.name].folder if links else None
        kb = self.done[links.inputs["kb"].name].folder if links else None
        if answers is None or folder is None or kb is None:
            return []
        store = open_store(kb)
        each = zip(
            self.tests[cell.task],
            read_mentions(folder / "test.jsonl"),
            json.loads((answers / REACHED_FILE).read_text("utf-8")),
            self._decisions(step),
            self._decisions(base.evaluations[0]),
            strict=True,
        )
        place = {"task": cell.task, "injection": cell.row, "host": cell.host}
        changed = changed_answers(
            starmap(Answered, each), self.tasks[cell.task], lambda entity: store.info(entity).name
        )
        return [{**place, "seed": cell.seeds[0], **own} for own in changed]
