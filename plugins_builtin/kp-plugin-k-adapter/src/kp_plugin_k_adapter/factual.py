"""The factual objective: which relation of the knowledge base joins two mentions of a passage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from kpframework.api import CorpusBatch, KnowledgeBase, Mention


class RelationIndex:
    """The relations of every pair of entities of a knowledge base."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self._kb = kb
        self._size = len(kb.entity_ids)
        triples = kb.triples
        keys = triples[:, 0] * self._size + triples[:, 2]
        order = np.argsort(keys, kind="stable")
        self._keys, self._relations = keys[order], triples[order, 1]
        self.count = len(kb.relations)

    def between(self, head: str, tail: str) -> Sequence[int]:
        """Return the relations from one entity to another, as integers."""
        first, last = self._kb.row(head), self._kb.row(tail)
        if first is None or last is None or first == last:
            return ()
        key = first * self._size + last
        start, stop = np.searchsorted(self._keys, [key, key + 1])
        found: list[int] = self._relations[start:stop].tolist()
        return found

    def joins(self, mentions: Sequence[Mention]) -> bool:
        """Return whether a relation joins two of the mentions."""
        ids = list(dict.fromkeys(mention.entity for mention in mentions))
        return any(self.between(a, b) for a in ids for b in ids)


class RelationHead(torch.nn.Module):
    """Classifies two mentions: Wang et al., 2021, section 3.3; trained with the adapter, not kept.

    Args:
        width: of the host's states.
        relations: how many there are.
    """

    def __init__(self, width: int, relations: int) -> None:
        super().__init__()
        self.join = torch.nn.Linear(2 * width, width)
        self.classify = torch.nn.Linear(2 * width, relations)

    def forward(
        self, states: torch.Tensor, first: torch.Tensor, second: torch.Tensor
    ) -> torch.Tensor:
        """Return logits of shape (pairs, relations).

        Args:
            states: shape (batch, tokens, 2 * width), the host's last state beside the adapter's.
            first: shape (pairs, 2), row and token of the first mention's start.
            second: the same of the second.
        """
        ends = [self.join(states[at[:, 0], at[:, 1]]) for at in (first, second)]
        logits: torch.Tensor = self.classify(torch.cat(ends, dim=-1))
        return logits


def pairs(batch: CorpusBatch, index: RelationIndex) -> Iterator[tuple[list[int], list[int], int]]:
    """Yield (start of the head, start of the tail, relation) of each joined pair of a batch.

    A pair that several relations join is one instance of each.
    """
    marks: dict[int, list[tuple[int, str]]] = defaultdict(list)
    rows, columns = batch.entities.rows.tolist(), batch.entities.columns.tolist()
    for row, column, entity in zip(rows, columns, batch.ids, strict=True):
        marks[row].append((column, entity))
    for row, own in marks.items():
        for head, first in own:
            for tail, second in own:
                for relation in index.between(first, second):
                    yield [row, head], [row, tail], relation


def relation_loss(
    head: RelationHead, batch: CorpusBatch, index: RelationIndex, states: torch.Tensor
) -> torch.Tensor:
    """Return the mean cross-entropy of the relations of a batch's joined pairs."""
    found = list(pairs(batch, index))
    if not found:  # of two mentions that share a token only one is marked
        return states.sum() * 0
    on = states.device
    first, second, labels = (torch.tensor(part, device=on) for part in zip(*found, strict=True))
    return torch.nn.functional.cross_entropy(head(states, first, second), labels)
