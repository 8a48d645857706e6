"""Records of tasks' files."""

import pytest

from kpframework.api import evenly


@pytest.mark.parametrize(
    ("count", "limit", "kept"),
    [(3, 5, [0, 1, 2]), (10, 5, [0, 2, 4, 6, 8]), (10, None, list(range(10))), (0, 4, [])],
)
def test_few_items_are_all_kept_and_many_at_even_distances(count, limit, kept):
    assert list(evenly(range(count), limit)) == kept
