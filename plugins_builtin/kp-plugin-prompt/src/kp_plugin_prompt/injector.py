"""The prompt: which sentences a mention brings, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence

from kp_plugin_prompt.verbalise import Verbaliser, overlap, word_set
from kpframework.api import Edit, Injector, Insertion, KnowledgeBase, Literal, Mention, Segment

OUTERMOST = -1
"""Knowledge stands outside a task's markers."""


class Prompt(Injector):
    """Retrieval as context: the baseline of Zhang et al., ACL 2023, section 4."""

    needs_entities = False
    needs_kb = True
    kb_update = "free"

    def prepare(self, kb: KnowledgeBase) -> None:
        """Keep what says the knowledge base in words."""
        self._say = Verbaliser(kb, self.config.templates, self.config.inverse)

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
            triples = list(dict.fromkeys(self._say.triples(entity)))
            found += [text for _, text in self._ranked(segment, triples)[: config.max_triples]]
        return [text.rstrip(".") for text in found]

    def _ranked(self, segment: Segment, triples: list[tuple[int, str]]) -> list[tuple[int, str]]:
        if self.config.rank == "overlap":
            words = word_set(segment.text)
            return sorted(triples, key=lambda triple: -overlap(triple[1], words))
        sign = -1 if self.config.rank == "frequent" else 1
        return sorted(triples, key=lambda triple: sign * int(self._say.frequency[triple[0]]))

    def _placed(self, segment: Segment, mention: Mention, sentences: Sequence[str]) -> Edit:
        text, limit = ". ".join(sentences), self.config.max_tokens
        if self.config.position == "mention":
            pieces = (Literal(f"({text})", limit),)
            return Insertion(mention.end, pieces, side="after", rank=OUTERMOST)
        pieces = (Literal(f"{text}.", limit),)
        if self.config.position == "after":
            return Insertion(len(segment.text), pieces, side="after", rank=OUTERMOST)
        return Insertion(0, pieces, rank=OUTERMOST)
