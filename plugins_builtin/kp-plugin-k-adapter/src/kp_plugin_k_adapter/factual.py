"""The factual objective: which relation of the knowledge base joins two mentions of a passage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from kpframework.api import CorpusBatch, KnowledgeBase, Mention

Ints = npt.NDArray[np.int64]


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
        self._row = lru_cache(maxsize=1 << 16)(self._row_of)

    def between(self, entities: Sequence[str], heads: Ints, tails: Ints) -> tuple[Ints, Ints]:
        """Return the relations from entities to others.

        Args:
            entities: ids, some maybe unknown.
            heads: shape (pairs,), where in ``entities`` the head of each pair stands.
            tails: the same of the tail.

        Returns:
            Pair and relation of each one found, as integers, in the order of the pairs.
        """
        rows = np.array([self._row(entity) for entity in entities], dtype=np.int64)
        first, last = rows[heads], rows[tails]
        keys = first * self._size + last
        keys[(first < 0) | (last < 0) | (first == last)] = -1
        start = np.searchsorted(self._keys, keys)
        count = np.searchsorted(self._keys, keys, side="right") - start
        pair = np.repeat(np.arange(len(keys)), count)
        nth = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
        return pair, self._relations[start[pair] + nth]

    def joins(self, mentions: Sequence[Mention]) -> bool:
        """Return whether a relation joins two of the mentions."""
        ids = list(dict.fromkeys(mention.entity for mention in mentions))
        return len(self.between(ids, *_all_pairs(np.arange(len(ids))))[0]) > 0

    def _row_of(self, entity: str) -> int:
        row = self._kb.row(entity)
        return -1 if row is None else row


def _all_pairs(places: Ints) -> tuple[Ints, Ints]:
    return np.repeat(places, len(places)), np.tile(places, len(places))


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
    places: dict[int, list[int]] = defaultdict(list)
    rows, columns = batch.entities.rows.tolist(), batch.entities.columns.tolist()
    for place, row in enumerate(rows):
        places[row].append(place)
    if not places:
        return
    of_texts = [_all_pairs(np.array(own)) for own in places.values()]
    heads, tails = (np.concatenate(part) for part in zip(*of_texts, strict=True))
    pair, relations = index.between(batch.ids, heads, tails)
    for head, tail, relation in zip(
        heads[pair].tolist(), tails[pair].tolist(), relations.tolist(), strict=True
    ):
        yield [rows[head], columns[head]], [rows[tail], columns[tail]], relation


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
