"""The prompt: which sentences a mention brings, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

import numpy as np

from kp_plugin_prompt.verbalise import Verbaliser, word_set
from kpframework.api import Edit, Injector, Insertion, KnowledgeBase, Literal, Mention, Segment

OUTERMOST = -1
"""Knowledge stands outside a task's markers."""
MOST = 1_000
"""Triples of an entity that are put into words; of more, those of the rarest relations."""

Said = tuple[str, frozenset[str]]
"""A sentence and its words."""


class Prompt(Injector):
    """Retrieval as context: the baseline of Zhang et al., ACL 2023, section 4."""

    needs_entities = False
    needs_kb = True
    kb_update = "free"

    def prepare(self, kb: KnowledgeBase) -> None:
        """Keep what says the knowledge base in words."""
        self._say = Verbaliser(kb, self.config.templates, self.config.inverse)
        # A text has the same entities again and again, and all of its neighbours are named.
        self._said = lru_cache(maxsize=1 << 8)(self._in_words)

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        """Return the text of each entity, once."""
        said: set[str] = set()
        edits: list[Edit] = []
        for mention in mentions:
            sentences = [s for s in self._sentences(segment, mention) if s not in said]
            said.update(sentences)
            if sentences:
                edits.append(self._placed(segment, mention, sentences))
        return edits

    def _sentences(self, segment: Segment, mention: Mention) -> list[str]:
        config, entity = self.config, mention.entity
        found = self._say.description(entity, config.sentences) if config.description else []
        if config.max_triples:
            found += self._chosen(segment, self._said(entity))
        return [text.rstrip(".") for text in found]

    def _chosen(self, segment: Segment, said: Sequence[Said]) -> list[str]:
        if self.config.rank == "overlap":
            words = word_set(segment.text)
            said = sorted(said, key=lambda one: -len(one[1] & words))
        return [text for text, _ in said[: self.config.max_triples]]

    def _in_words(self, entity: str) -> list[Said]:
        """Return an entity's triples in words, ranked as far as that takes no text."""
        triples, rank = self._say.triples(entity), self.config.rank
        often = self._say.frequency[triples[:, 1]]
        if rank == "overlap":
            kept = np.sort(np.argsort(often, kind="stable")[:MOST])
            return [(text, word_set(text)) for text in self._say.sentences(triples[kept])]
        order = np.argsort(-often if rank == "frequent" else often, kind="stable")
        texts = self._say.sentences(triples[order[:MOST]])
        return [(text, frozenset()) for text in islice(texts, self.config.max_triples)]

    def _placed(self, segment: Segment, mention: Mention, sentences: Sequence[str]) -> Edit:
        text, limit = ". ".join(sentences), self.config.max_tokens
        if self.config.position == "mention":
            pieces = (Literal(f"({text})", limit),)
            return Insertion(mention.end, pieces, side="after", rank=OUTERMOST)
        pieces = (Literal(f"{text}.", limit),)
        if self.config.position == "after":
            return Insertion(len(segment.text), pieces, side="after", rank=OUTERMOST)
        return Insertion(0, pieces, rank=OUTERMOST)
