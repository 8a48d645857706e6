"""A spaCy pipeline as a linker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Span

from kpframework import KpError
from kpframework.api import (
    Context,
    KnowledgeBase,
    Linker,
    Mention,
    Segment,
    id_in_space,
    with_roles,
    without_overlap,
)

_NIL = "NIL"
_SURROGATE = re.compile("[\ud800-\udfff]")


class SpacyLinker(Linker):
    """Returns the entities of a pipeline whose id the knowledge base knows."""

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._counts = {"entities": 0, "other_labels": 0, "without_id": 0, "unknown_ids": 0}

    def prepare(self, kb: KnowledgeBase) -> None:
        """Load the pipeline.

        Raises:
            KpError: ``KP495`` it cannot be loaded.
        """
        self._kb = kb
        try:
            self._nlp = spacy.load(Path(self.config.pipeline))
        except Exception as error:  # a component's loading is foreign code and may raise anything
            raise KpError(
                "KP495",
                f"the pipeline cannot be loaded: {type(error).__name__}: {error}",
                "save it with nlp.to_disk, and install the packages its components come from",
                where=self.config.pipeline,
            ) from error

    def link(self, segments: Sequence[Segment]) -> list[list[Mention]]:
        """Return the entities of each text as mentions; one that covers a span has its role."""
        # No encoding has lone surrogates; one character for another keeps the offsets.
        texts = [_SURROGATE.sub("\ufffd", segment.text) for segment in segments]
        # The limit is there against parsers' memory; which texts are linked is the user's choice.
        self._nlp.max_length = max([self._nlp.max_length, *(len(text) + 1 for text in texts)])
        docs = self._nlp.pipe(texts, batch_size=self.config.batch_size)
        return [
            with_roles(without_overlap(self._mentions(doc.ents)), segment.mentions)
            for doc, segment in zip(docs, segments, strict=True)
        ]

    def statistics(self) -> Mapping[str, float]:
        """Return how many entities there were, and why some are no mentions."""
        return dict(self._counts)

    def _mentions(self, entities: Sequence[Span]) -> Iterator[Mention]:
        for entity in entities:
            self._counts["entities"] += 1
            if self.config.labels is not None and entity.label_ not in self.config.labels:
                self._counts["other_labels"] += 1
                continue
            ids = _ids(entity)
            known = ((row, score) for own, score in ids if (row := self._row(own)) is not None)
            row, score = next(known, (None, 0.0))
            if row is not None:
                own = self._kb.entity_ids[row]
                yield Mention(entity.start_char, entity.end_char, own, score)
            else:
                self._counts["unknown_ids" if ids else "without_id"] += 1

    def _row(self, own: str) -> int | None:
        return self._kb.row(id_in_space(own, self.config.id_space))


def _ids(entity: Span) -> list[tuple[str, float]]:
    """Return the ids a pipeline gives an entity, each with its score, the best first."""
    if entity.kb_id_:
        return [(entity.kb_id_, 1.0)] if entity.kb_id_ != _NIL else []
    if entity.ent_id_:
        return [(entity.ent_id_, 1.0)]
    if Span.has_extension("kb_ents"):
        return [(str(own), float(score)) for own, score in entity._.kb_ents]
    return []
