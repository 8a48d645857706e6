"""Explaining one text: what is linked, what enters the host, and what the host then answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from kpframework.spec.resolved import BoundComponent, ResolvedSpec

_SHOWN_NAMESAKES = 3


@dataclass(frozen=True)
class Question:
    """What is asked of a spec; None takes the first."""

    text: str
    spans: Sequence[str] = ()
    """The task's own mentions as they stand in the text, each alone or as ``TEXT=ENTITY``."""
    row: str | None = None
    task: str | None = None
    host: str | None = None


def explain(
    resolved: ResolvedSpec, question: Question, cache: Cache, display: Display
) -> dict[str, Any]:
    """Return mentions, tokens, slots, anchors and both answers for a text, as JSON.

    ``notes`` says which of the task's mentions are not linked as they were asked for, and why.

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
    segment, asked, mentions = _linked(plan, cell, store, question, display)
    task = row.task
    calibration = done[evaluation.name].metrics["calibration"]
    example = Example("text", (segment,), None)
    plain, edited = row.encode([example], None), row.encode([example], [[mentions]])
    own = edited.items[0]
    usable = row.knowledge.usable(mentions)
    slots = [position for position, _, _ in own.entities if _is_put_in(own, position)]
    anchors = [position for position, _, _ in own.entities if not _is_put_in(own, position)]
    notes = list(_notes(asked, mentions, segment.text, store, _linker(cell).type))
    if not own.kept:
        notes.append("nothing of the knowledge enters the input")
    return {
        "text": question.text,
        "row": cell.row,
        "task": cell.task,
        "host": cell.host,
        "mentions": [_shown(m, question.text, store, m in usable) for m in mentions],
        "tokens": _tokens(row.tokenizer, own),
        "slots": len(slots),
        "positions": slots,
        "anchors": len(anchors),
        "anchor_positions": anchors,
        "notes": notes,
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
    plan: Plan, cell: Cell, store: KBStore, question: Question, display: Display
) -> tuple[Segment, list[Mention], list[Mention]]:
    """Return the text as the task's input, the mentions asked for, and those that are linked."""
    linker = _linker(cell).create(Context(progress=display.progress))
    linker.prepare(store)
    text = question.text
    task = plan.resolved.tasks[cell.task].task.create(Context())
    asked = [_span(text, span) for span in question.spans]
    if not asked:
        found = linker.link([Segment(text)])[0]
        if not found:
            raise SpecError(
                "KP781",
                f"the linker {_linker(cell).type!r} finds no mention in this text",
                "name the task's mentions with --span, as TEXT=ENTITY for a linker that takes the "
                "data's own ids",
            )
        wanted = len(getattr(task, "roles", ("mention",)))
        asked = [Mention(m.start, m.end) for m in found[:wanted]]
    segment = task.segment(text, [(m.start, m.end) for m in asked])
    entities = {(m.start, m.end): m.entity for m in asked}
    given = [replace(m, entity=entities.get((m.start, m.end), m.entity)) for m in segment.mentions]
    segment = replace(segment, mentions=tuple(given))
    return segment, asked, linker.link([segment])[0]


def _linker(cell: Cell) -> BoundComponent:
    assert cell.source.linker is not None  # it uses entities
    return cell.source.linker


def _span(text: str, span: str) -> Mention:
    # Texts and ids may hold equals signs: the longest part that stands in the text counts.
    ends = [len(span), *(i for i in reversed(range(len(span))) if span[i] == "=")]
    for end in ends:
        start = text.find(span[:end]) if end else -1
        if start >= 0:
            return Mention(start, start + end, span[end + 1 :])
    surface = span.partition("=")[0] or span
    raise SpecError("KP781", f"{surface!r} does not stand in the text", "copy it from the text")


def _notes(
    asked: Sequence[Mention], linked: Sequence[Mention], text: str, store: KBStore, linker: str
) -> Iterator[str]:
    """Yield what became of the mentions that were asked for and are not linked as they were."""
    for own in asked:
        surface = text[own.start : own.end]
        found = next((m for m in linked if m.start <= own.start and own.end <= m.end), None)
        row = store.row(own.entity) if own.entity else None
        if found is None and own.entity:
            why = f"does not link to {own.entity!r}" + (
                "" if row is not None else ", which the knowledge base does not have"
            )
            yield f"{surface!r} is not linked: the linker {linker!r} {why}"
        elif found is None:
            named = store.find(surface)[:_SHOWN_NAMESAKES]
            known = f"; of that name: {', '.join(named)}" if named else ""
            yield (
                f"{surface!r} is not linked: the linker {linker!r} finds no entity there; one that "
                f"takes the data's own ids needs --span {surface!r}=ENTITY{known}"
            )
        elif own.entity and row != store.row(found.entity):
            yield (
                f"{surface!r} is linked to {found.entity}, not to {own.entity}: the linker "
                f"{linker!r} does not take the data's own ids"
            )


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


def _is_put_in(encoded: Any, position: int) -> bool:
    """Return whether a position is a slot; else it is an anchor, a token of the text itself."""
    return bool(encoded.origin[position] < 0)


def _tokens(tokenizer: Any, encoded: Any) -> list[str]:
    """Return the input's tokens, a slot shown as its entity."""
    tokens: list[str] = tokenizer.convert_ids_to_tokens(encoded.input_ids)
    for position, _, entity in encoded.entities:
        if _is_put_in(encoded, position):
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
