"""Which tokens of a text stay under a budget."""

import numpy as np

from kpframework.inject.window import choose_tokens, share_budget


def by_definition(costs, least, room):
    """Take one position after the other from the longest, of equal ones from the last."""
    budgets = [max(cost, low) for cost, low in zip(costs, least, strict=True)]
    while sum(budgets) > room:
        longest = max(
            (i for i, low in enumerate(least) if budgets[i] > low), key=lambda i: (budgets[i], i)
        )
        budgets[longest] -= 1
    return budgets


def test_the_longest_gives_way_first_and_none_below_its_least():
    draw = np.random.default_rng(0)
    for _ in range(3_000):
        count = int(draw.integers(1, 6))
        costs = [int(draw.integers(0, 31)) for _ in range(count)]
        least = [int(draw.integers(0, 13)) for _ in range(count)]
        room = int(draw.integers(0, 81))
        found = share_budget(costs, least, room)
        if sum(least) > room:
            assert found is None
        else:
            assert found == by_definition(costs, least, room)


def test_a_text_as_long_as_a_book_is_cut_to_what_fits():
    assert share_budget([2_000_000, 40], [3, 2], 510) == [470, 40]
    runs = choose_tokens([1] * 400_000, {0, 399_999}, 510)
    assert sum(stop - first for first, stop in runs) == 510
