"""Explaining one text: what is linked, what enters the host, and what the host then answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpframework.api.context import Context
from kpframework.api.text import Example, Mention, Segment
from kpframework.errors import SpecError
from kpframework.kb.store import KBStore, open_store
from kpframework.run.cache import Cache
from kpframework.run.execute import execute
from kpframework.run.plan import Plan, make_plan
from kpframework.run.progress import Display
from kpframework.run.row_plan import Cell
from kpframework.run.runner import chosen_device, prepare_torch
from kpframework.run.step import StepContext
from kpframework.run.step_result import StepResult
from kpframework.run.steps.injection import row_at_work
from kpframework.spec.resolved import ResolvedSpec


@dataclass(frozen=True)
class Question:
    """What is asked of a spec; None takes the first."""

    text: str
    spans: Sequence[str] = ()
    """The task's own mentions as they stand in the text."""
    row: str | None = None
    task: str | None = None
    host: str | None = None


def explain(
    resolved: ResolvedSpec, question: Question, cache: Cache, display: Display
) -> dict[str, Any]:
    """Return mentions, tokens, slots and both answers for a text, as JSON.

    Raises:
        SpecError: KP780 no such row, task or host; KP781 a span is not in the text, or the task
            needs a span and nothing was linked.
    """
    plan = make_plan(resolved)
    cell = _cell(plan, question)
    evaluation, run = cell.evaluations[0], resolved.spec.run
    device = chosen_device(run.device)
    prepare_torch(run.threads)
    done = execute([evaluation], cache, device=device, display=display)
    row, _ = row_at_work(
        plan.parts(cell), _context(evaluation, done, device), _folder(done, cell.trained[0])
    )
    store = open_store(_needed(done, evaluation.inputs["links-test"].inputs["kb"].name))
    segment, mentions = _linked(plan, cell, store, question)
    task = row.task
    calibration = done[evaluation.name].metrics["calibration"]
    example = Example("text", (segment,), None)
    plain, edited = row.encode([example], None), row.encode([example], [[mentions]])
    own = edited.items[0]
    usable = row.knowledge.usable(mentions)
    return {
        "text": question.text,
        "row": cell.row,
        "task": cell.task,
        "host": cell.host,
        "mentions": [_shown(m, question.text, store, m in usable) for m in mentions],
        "tokens": _tokens(row.tokenizer, own),
        "slots": len(own.entities),
        "positions": [position for position, _, _ in own.entities],
        "without": task.show(_answer(row, plain, calibration)),
        "with": task.show(_answer(row, edited, calibration)),
    }


def _cell(plan: Plan, question: Question) -> Cell:
    spec = plan.resolved.spec
    wanted = {"row": question.row, "host": question.host, "task": question.task}
    known = {
        "row": [row.id for row in spec.injections],
        "host": [host.id for host in spec.hosts],
        "task": [task.id for task in spec.tasks],
    }
    for what, value in wanted.items():
        if value is not None and value not in known[what]:
            raise SpecError(
                "KP780", f"no {what} {value!r} in this spec", f"known: {', '.join(known[what])}"
            )
    found = [
        cell
        for cell in plan.cells
        if all(value in {None, getattr(cell, what)} for what, value in wanted.items())
        and cell.source.uses_knowledge
        and (question.row is not None or cell.trained[0] is not None)
    ]
    if not found:
        raise SpecError(
            "KP780", "no row that injects knowledge matches", "name one that does with --row"
        )
    return found[0]


def _linked(
    plan: Plan, cell: Cell, store: KBStore, question: Question
) -> tuple[Segment, list[Mention]]:
    assert cell.source.linker is not None  # it uses entities
    linker = cell.source.linker.create(Context())
    linker.prepare(store)
    text = question.text
    task = plan.resolved.tasks[cell.task].task.create(Context())
    spans = [_span(text, span) for span in question.spans]
    if not spans:
        found = linker.link([Segment(text)])[0]
        if not found:
            raise SpecError(
                "KP781",
                "the linker finds no mention in this text",
                "name the task's mention with --span",
            )
        spans = [(m.start, m.end) for m in found[: len(getattr(task, "roles", ("mention",)))]]
    segment = task.segment(text, spans)
    return segment, linker.link([segment])[0]


def _span(text: str, span: str) -> tuple[int, int]:
    start = text.find(span)
    if start < 0 or not span:
        raise SpecError("KP781", f"{span!r} does not stand in the text", "copy it from the text")
    return start, start + len(span)


def _shown(mention: Mention, text: str, store: KBStore, usable: bool) -> dict[str, Any]:
    return {
        "start": mention.start,
        "end": mention.end,
        "mention": text[mention.start : mention.end],
        "entity": mention.entity,
        "name": store.info(mention.entity).name,
        "score": mention.score,
        "role": mention.role,
        "vector": usable,
    }


def _tokens(tokenizer: Any, encoded: Any) -> list[str]:
    """Return the input's tokens, a slot shown as its entity."""
    tokens: list[str] = tokenizer.convert_ids_to_tokens(encoded.input_ids)
    for position, _, entity in encoded.entities:
        tokens[position] = f"<{entity}>"
    return tokens


def _answer(row: Any, data: Any, calibration: Mapping[str, float]) -> Any:
    from kpframework.train.data import predict

    return row.task.decide(predict(row.model, data, row.task, row.context), calibration)[0]


def _needed(done: Mapping[str, StepResult], name: str) -> Path:
    folder = done[name].folder
    if folder is None:
        raise SpecError("KP780", f"step {name} did not finish", "run the spec first")
    return folder


def _folder(done: Mapping[str, StepResult], step: Any) -> Path | None:
    return None if step is None else _needed(done, step.name)


def _context(step: Any, done: Mapping[str, StepResult], device: str) -> StepContext:
    return StepContext(
        params=step.params,
        output=Path(),
        scratch=Path(),
        inputs={name: _needed(done, other.name) for name, other in step.inputs.items()},
        results={},
        progress=Context().progress,
        device=device,
    )
