"""The pictures of entities before and after the mapping."""

from __future__ import annotations

import numpy as np
import pytest

from kpframework.run.steps import space


def test_a_plane_shows_the_two_directions_of_most_variance_within_one_unit():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(50, 2)) * [5, 2]
    turn, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    seen = space._plane((flat @ turn[:2] + 3).astype(np.float32))
    assert np.abs(seen).max() == 1
    own = flat - flat.mean(0)
    distances = [np.linalg.norm(p[:, None] - p[None], axis=-1) for p in (seen, own)]
    assert np.allclose(
        distances[0] / distances[0].max(), distances[1] / distances[1].max(), atol=1e-3
    )


def test_a_plane_of_vectors_on_one_line_or_in_one_place_is_drawn():
    assert np.ptp(space._plane(np.outer([0, 1, 2], [1.0, 1.0]).astype(np.float32))[:, 1]) == 0
    assert not space._plane(np.ones((4, 3), dtype=np.float32)).any()


def test_agreement_counts_nearest_neighbours_of_the_same_answer():
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 1.1], [1, 0.05]], dtype=np.float32)
    assert space._agreement(vectors, np.array([0, 0, 1, 1, 1])) == pytest.approx(2 / 5)
    assert space._chance(np.array([0, 0, 1, 1, 1])) == pytest.approx((2 + 6) / 20)
