"""Chooses triples to score on that training can do without."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_FEWEST = 20


def hold_out(triples: Ints, share: float, most: int, seed: int) -> tuple[Mask, Mask]:
    """Return two masks over the triples: those scored, and those trained on.

    With a scored triple, *every* triple that joins its two ends is kept from training, so that a
    stored inverse (WordNet's hyponym of a hypernym) does not give it away. Every entity and every
    relation still occurs in training: an entity is in at most one scored pair, has triples beside
    it, and the relation is not rare.
    """
    scored = np.zeros(len(triples), dtype=bool)
    budget = min(int(len(triples) * share), most)
    if not budget:
        return scored, ~scored
    heads, relations, tails = triples.T
    entities = int(triples[:, [0, 2]].max()) + 1
    low, high = np.minimum(heads, tails), np.maximum(heads, tails)
    pair = low * entities + high
    _, group, size = np.unique(pair, return_inverse=True, return_counts=True)
    loop = heads == tails
    degree = np.bincount(heads, minlength=entities) + np.bincount(tails[~loop], minlength=entities)
    joined = size[group]
    relation_size = np.bincount(relations)
    free = (
        ~loop
        & (degree[heads] > joined)
        & (degree[tails] > joined)
        & (relation_size[relations] >= _FEWEST)
    )
    order = np.random.default_rng(seed).permutation(np.flatnonzero(free))
    # An entity's first place in this order; a triple is taken where it is that for both ends.
    places = np.concatenate([np.arange(len(order)), np.arange(len(order))])
    ends = np.concatenate([heads[order], tails[order]])
    first = np.full(entities, len(order))
    np.minimum.at(first, ends, places)
    place = np.arange(len(order))
    chosen = order[(first[heads[order]] == place) & (first[tails[order]] == place)]
    quota = relation_size // 4
    chosen = chosen[_within(relations[chosen], quota)][:budget]
    scored[chosen] = True
    trained = ~np.isin(group, group[chosen])
    return scored, trained


def _within(labels: Ints, quota: Ints) -> Mask:
    """Return which elements are among the first ``quota[label]`` of their label."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    starts = np.searchsorted(ordered, ordered)
    rank = np.empty(len(labels), dtype=np.int64)
    rank[order] = np.arange(len(labels)) - starts
    mask: Mask = rank < quota[labels]
    return mask
