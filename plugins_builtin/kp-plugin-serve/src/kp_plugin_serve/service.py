"""Answers to questions, one batch at a time: rows with knowledge beside rows without."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from kp_plugin_serve import answers
from kp_plugin_serve.describe import card, entity, model_facts, plugin_facts
from kp_plugin_serve.examples import examples
from kp_plugin_serve.inputs import as_input, roles_of
from kp_plugin_serve.loading import Loaded
from kpframework import HOST, KnowledgePlugin, KpError, encode_mixed
from kpframework.api import Mention, Segment

WAITING = 8
"""Requests that may wait for the model; more are turned away."""


class Busy(Exception):
    """Too many requests wait already."""


@dataclass(frozen=True)
class Question:
    """One text, and what it is asked with."""

    text: str
    knowledge: str
    spans: Sequence[tuple[int, int]] | None = None
    """The task's own mentions; None takes the first linked ones."""


class Service:
    """A frozen host with knowledge plugins, asked from several threads.

    Args:
        loaded: host and plugins.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.host = loaded.host
        self.plugins = loaded.plugins
        self.notes = loaded.notes
        self.examples = examples(loaded)
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(WAITING)

    def catalogue(self) -> dict[str, Any]:
        """Return what is served, as JSON."""
        return {
            "model": model_facts(self.host),
            "knowledge": [plugin_facts(name, own) for name, own in self.plugins.items()],
            "roles": list(roles_of(self.host)),
            "examples": self.examples,
            "notes": self.notes,
        }

    def entity(self, name: str, knowledge: str | None) -> dict[str, Any]:
        """Return an entity's card.

        Raises:
            KeyError: no such entity.
            KpError: KP862, no such plugin.
        """
        plugin = self._plugin(knowledge or next(iter(self.plugins)))
        with self._turn():
            return card(plugin.kb, name)

    def answer(self, questions: Sequence[Question]) -> dict[str, Any]:
        """Return the answers to some questions, computed as one batch, as JSON.

        Raises:
            KpError: KP862, no such plugin; KP7xx, a span does not fit the task or the input.
            Busy: too many requests wait.
        """
        with self._turn():
            start = time.perf_counter()
            results = self._answer(questions)
            milliseconds = 1000 * (time.perf_counter() - start)
        return {"results": results, "milliseconds": round(milliseconds, 1)}

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            with self._lock:
                yield
        finally:
            self._places.release()

    def _plugin(self, name: str) -> KnowledgePlugin:
        if name not in self.plugins:
            known = ", ".join(self.plugins)
            raise KpError("KP862", f"no knowledge {name!r} is served", f"known: {known}, {HOST}")
        return self.plugins[name]

    def _answer(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        made = [self._input(question) for question in questions]
        texts: list[Segment] = []
        chosen: list[KnowledgePlugin | str] = []
        for (segment, _), question in zip(made, questions, strict=True):
            own: list[KnowledgePlugin | str] = [HOST]
            if question.knowledge != HOST:
                own.append(self.plugins[question.knowledge])
            texts += [segment] * len(own)
            chosen += own
        rows = len(texts)
        if all(own == HOST for own in chosen):  # a batch finds its host by the plugins in it
            texts, chosen = [*texts, texts[0]], [*chosen, next(iter(self.plugins.values()))]
        batch = encode_mixed(texts, chosen, max_length=self._max_length())
        outputs = self._outputs(batch, rows)
        results, row = [], 0
        for (segment, mentions), question in zip(made, questions, strict=True):
            count = 1 if question.knowledge == HOST else 2
            result = {
                "text": question.text,
                "knowledge": question.knowledge,
                "mentions": [self._shown(m, question) for m in mentions],
                "in_task_form": bool(segment.edits) and self.host.task is not None,
                "truncated": self._truncated(batch, row),
                "answer": outputs.of(row, count, question.knowledge),
            }
            results.append(result)
            row += count
        return results

    def _input(self, question: Question) -> tuple[Segment, list[Mention]]:
        if question.knowledge == HOST:
            return as_input(self.host, question.text, question.spans, []), []
        plugin = self._plugin(question.knowledge)
        found = plugin.link([question.text])[0]
        segment = as_input(self.host, question.text, question.spans, found)
        return segment, plugin.link([segment])[0]

    def _shown(self, mention: Mention, question: Question) -> dict[str, Any]:
        return {
            "start": mention.start,
            "end": mention.end,
            "text": question.text[mention.start : mention.end],
            "role": mention.role,
            "score": mention.score,
            **entity(self.plugins[question.knowledge].kb, mention.entity),
        }

    def _max_length(self) -> int:
        task = self.host.task
        if task is not None and task.reads == "head":
            return task.max_length
        config = self.host.model.config
        most = getattr(config, "max_position_embeddings", None) or 512
        room = answers.NEW_TOKENS if self.host.head == "causal-lm" else 2
        return max(8, min(512, int(most) - room))

    def _truncated(self, batch: Any, row: int) -> bool:
        """Return whether a text did not fit: of its row without knowledge."""
        own = batch.tokens[row] >= 0
        missing = int(((batch.positions[row] < 0) & own).sum())
        if self.host.head == "masked-lm":  # a blank stands in the place of tokens
            return int(own.sum()) > self._max_length()
        return missing > 0

    def _outputs(self, batch: Any, rows: int) -> _Outputs:
        with torch.inference_mode():
            logits = self.host.model(**batch).logits[:rows]
            written: list[str] = []
            if self.host.head == "causal-lm":
                ids = self.host.model.generate(
                    **batch,
                    max_new_tokens=answers.NEW_TOKENS,
                    do_sample=False,
                    pad_token_id=self.host.model.config.pad_token_id,
                )
                new = ids[:rows, batch["input_ids"].shape[1] :]
                written = self.host.tokenizer.batch_decode(new, skip_special_tokens=True)
        return _Outputs(self, batch["input_ids"][:rows].cpu(), logits.float().cpu(), written)


@dataclass(frozen=True)
class _Outputs:
    service: Service
    ids: torch.Tensor
    logits: torch.Tensor
    written: Sequence[str]

    def of(self, row: int, count: int, knowledge: str) -> dict[str, Any]:
        """Return the answer of the rows of one question: without and, of two, with knowledge."""
        host, own = self.service.host, slice(row, row + count)
        if host.head == "masked-lm":
            return answers.tokens(host, self.ids[own], self.logits[own])
        if host.head == "causal-lm":
            # Padding stands on the left, so that the last position is every row's own.
            return answers.continuation(host, self.logits[own, -1], self.written[own])
        plugin = self.service.plugins.get(knowledge)
        knowing = (plugin.config.get("calibration") or {}) if plugin else {}
        # A run without a row of the bare host chose nothing for it.
        calibrations = [host.calibration or knowing, knowing][:count]
        return answers.classes(host, self.logits[own].numpy(), calibrations)
