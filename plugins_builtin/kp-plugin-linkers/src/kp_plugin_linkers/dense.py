"""A linker that chooses among candidates by what the host's own encoder reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kp_plugin_linkers.dense_encoder import Encoder, Span, Vectors
from kp_plugin_linkers.homonyms import Sense, homonyms
from kp_plugin_linkers.trigrams import normal
from kpframework.api import Context, KnowledgeBase, Linker, Mention, Segment, derived

_FORMAT = 1
_DECIMALS = 4
"""Cosines are compared to so many: which texts share a batch moves only later ones."""
_TABLE = "vectors.npy"
_CHUNK = 4096
_ALIKE = 3
"""Characters that an inflected word and its name share at their beginning, at least."""


class DenseLinker(Linker):
    """Re-ranks candidates: likeness of mention context and entity text, plus the prior's share.

    The entity text is ``name: description``. Both are mean-pooled states of a frozen encoder and
    compared by cosine, as bi-encoders do (Wu et al., EMNLP 2020, section 3), here without training.
    """

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._candidates: Linker = context.create("linker", config.candidates)
        self._counts = {"mentions": 0, "with_a_choice": 0, "changed": 0, "below_threshold": 0}

    def prepare(self, kb: KnowledgeBase) -> None:
        """Prepare the candidates' linker, load the encoder, compute or open the entities' vectors.

        Raises:
            KpError: the encoder is not to be had.
        """
        config = self.config
        self._kb = kb
        self._candidates.prepare(kb)
        self._homonyms = homonyms(kb)
        folder = self.context.create("backbone", config.encoder).folder()
        self._encoder = Encoder(folder, config.max_tokens, config.batch_size, self.context.device)
        self._met: dict[str, Vectors] = {}
        self._table: Any = None
        if config.cache:
            options = {
                "format": _FORMAT,
                "encoder": self._encoder.digest(),
                "max_tokens": config.max_tokens,
            }
            self._table = derived(kb, "entity-texts", options, self._write, _open)

    def link(self, segments: Sequence[Segment]) -> list[list[Mention]]:
        """Return the mentions of the candidates' linker, each with the entity that fits best.

        A mention's score is cosine plus weighted prior; where nothing was compared, it is the
        candidates' own.
        """
        return [[own[0] for own in found] for found in self.candidates(segments)]

    def candidates(self, segments: Sequence[Segment]) -> list[list[list[Mention]]]:
        """Return for each mention of `link` its candidates, the best first."""
        found = self._candidates.candidates(segments)
        options = [
            [self._senses(segment.text, own) for own in mentions]
            for segment, mentions in zip(segments, found, strict=True)
        ]
        wanted = [
            (i, j)
            for i, own in enumerate(options)
            for j, senses in enumerate(own)
            if len(senses) > 1 or self.config.threshold is not None
        ]
        contexts = [self._context(segments[i].text, found[i][j][0]) for i, j in wanted]
        vectors = self._encoder.encode([t for t, _ in contexts], [span for _, span in contexts])
        self._meet(options[i][j] for i, j in wanted)
        for (i, j), vector in zip(wanted, vectors, strict=True):
            found[i][j] = self._ranked(found[i][j][0], options[i][j], vector)
        return [[own for own in mentions if own] for mentions in found]

    def statistics(self) -> Mapping[str, float]:
        """Return how many mentions had a choice, got another entity, or were left out."""
        own = self._candidates.statistics()
        return {**self._counts, **{f"candidates_{name}": value for name, value in own.items()}}

    def _senses(self, text: str, mentions: Sequence[Mention]) -> list[Sense]:
        """Return what a mention may mean, each with its prior, the likeliest first."""
        first = mentions[0]
        surface = normal(text[first.start : first.end])
        senses = dict(self._homonyms.get(surface) or self._by_name(surface, first.entity))
        for mention in mentions:
            senses.setdefault(mention.entity, mention.score)
        likeliest = list(senses.items())[: self.config.max_candidates]
        self._counts["mentions"] += 1
        self._counts["with_a_choice"] += len(likeliest) > 1
        return likeliest

    def _by_name(self, surface: str, entity: str) -> Sequence[Sense]:
        """Return the senses of that name of an entity which begins most like a surface.

        The surface is no name itself: it is inflected, or misspelt.
        """
        info = self._kb.info(entity)
        names = (normal(name) for name in (info.name, *info.aliases))
        alike = [(_shared(surface, n), n) for n in names if n in self._homonyms]
        length, name = max(alike, default=(0, ""), key=lambda own: (own[0], -len(own[1]), own[1]))
        return self._homonyms[name] if length >= _ALIKE else ()

    def _context(self, text: str, mention: Mention) -> tuple[str, Span]:
        start = max(0, mention.start - self.config.window)
        context = text[start : mention.end + self.config.window]
        if self.config.pooling == "window":
            return context, None
        return context, (mention.start - start, mention.end - start)

    def _ranked(self, mention: Mention, senses: Sequence[Sense], context: Any) -> list[Mention]:
        cosines = np.round(self._vectors([e for e, _ in senses]) @ context, _DECIMALS)
        total = sum(prior for _, prior in senses) or 1.0
        scores = cosines + self.config.prior_weight * np.array([p / total for _, p in senses])
        order = np.lexsort(([e for e, _ in senses], -np.round(scores, _DECIMALS)))
        best = int(order[0])
        if self.config.threshold is not None and cosines[best] < self.config.threshold:
            self._counts["below_threshold"] += 1
            return []
        self._counts["changed"] += senses[best][0] != mention.entity
        return [
            replace(mention, entity=senses[i][0], score=round(float(scores[i]), _DECIMALS))
            for i in map(int, order)
        ]

    def _vectors(self, entities: Sequence[str]) -> Vectors:
        if self._table is None:
            return np.stack([self._met[entity] for entity in entities])
        rows = [self._kb.row(entity) for entity in entities]
        return np.asarray(self._table[rows], np.float32)

    def _meet(self, senses: Iterator[Sequence[Sense]]) -> None:
        if self._table is None:
            entities = dict.fromkeys(e for own in senses for e, _ in own if e not in self._met)
            vectors = self._encoder.encode([_text(self._kb, entity) for entity in entities])
            self._met.update(zip(entities, vectors, strict=True))

    def _write(self, folder: Path) -> None:
        ids = self._kb.entity_ids
        table = np.lib.format.open_memmap(
            folder / _TABLE, "w+", np.float16, (len(ids), self._encoder.dim)
        )
        with self.context.progress("encoding entities", len(ids)) as advance:
            for start in range(0, len(ids), _CHUNK):
                some = ids[start : start + _CHUNK]
                table[start : start + len(some)] = self._encoder.encode(
                    [_text(self._kb, entity) for entity in some]
                )
                advance(len(some))
        table.flush()


def _open(folder: Path) -> Any:
    return np.load(folder / _TABLE, mmap_mode="r", allow_pickle=False)


def _text(kb: KnowledgeBase, entity: str) -> str:
    info = kb.info(entity)
    return f"{info.name}: {info.description}" if info.description else info.name


def _shared(one: str, other: str) -> int:
    """Return with how many equal characters two texts begin."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
