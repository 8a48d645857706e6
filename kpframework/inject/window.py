"""Truncation that keeps what is required: which tokens of a text stay under a budget."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence, Set
from itertools import accumulate


def share_budget(costs: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """Divide ``room`` among segments: the longest gives way first, none below its least.

    Returns:
        A budget for each segment, or None if the least does not fit.
    """
    if sum(least) > room:
        return None
    wanted = [max(cost, low) for cost, low in zip(costs, least, strict=True)]
    if sum(wanted) <= room:
        return wanted

    def cut(longest: int) -> list[int]:
        return [max(low, min(own, longest)) for own, low in zip(wanted, least, strict=True)]

    fits, exceeds = 0, max(wanted)
    while exceeds - fits > 1:
        middle = (fits + exceeds) // 2
        if sum(cut(middle)) <= room:
            fits = middle
        else:
            exceeds = middle
    budgets = cut(fits)
    left = room - sum(budgets)
    # Of equal ones the last gives way first.
    longer = [
        i for i, (own, more) in enumerate(zip(budgets, cut(exceeds), strict=True)) if more > own
    ]
    for i in longer[:left]:
        budgets[i] += 1
    return budgets


def choose_tokens(costs: Sequence[int], required: Set[int], budget: int) -> list[tuple[int, int]]:
    """Return the kept tokens as runs ``[start, stop)``.

    The beginning of the text is kept where it holds all that is required (so a text without edits
    is cut as its tokenizer cuts it). Otherwise the window slides right just far enough; where even
    that cannot hold everything, tokens nearest to a required one are kept.

    Args:
        costs: positions each token takes with what is attached to it.
        required: tokens that must stay; together they fit the budget.
        budget: positions there are.
    """
    total = list(accumulate(costs, initial=0))
    if total[-1] <= budget:
        return [(0, len(costs))] if costs else []
    first, last = (min(required), max(required)) if required else (0, -1)
    if total[last + 1] <= budget:
        return _grow(total, 0, last + 1, budget)
    if total[last + 1] - total[first] <= budget:
        start = next(i for i in range(first + 1) if total[last + 1] - total[i] <= budget)
        return _grow(total, start, last + 1, budget)
    return _nearest(costs, required, budget)


def _grow(total: Sequence[int], start: int, stop: int, budget: int) -> list[tuple[int, int]]:
    while stop < len(total) - 1 and total[stop + 1] - total[start] <= budget:
        stop += 1
    return [(start, stop)] if stop > start else []


def _nearest(costs: Sequence[int], required: Set[int], budget: int) -> list[tuple[int, int]]:
    anchors = sorted(required)
    distance = [_distance(token, anchors) for token in range(len(costs))]
    kept, left = set(required), budget - sum(costs[i] for i in required)
    for token in sorted(range(len(costs)), key=lambda i: (distance[i], i)):
        if token not in kept and costs[token] <= left:
            kept.add(token)
            left -= costs[token]
    runs: list[tuple[int, int]] = []
    for token in sorted(kept):
        if runs and runs[-1][1] == token:
            runs[-1] = (runs[-1][0], token + 1)
        else:
            runs.append((token, token + 1))
    return runs


def _distance(token: int, anchors: Sequence[int]) -> int:
    at = bisect_left(anchors, token)
    return min(abs(token - anchor) for anchor in anchors[max(0, at - 1) : at + 1])
