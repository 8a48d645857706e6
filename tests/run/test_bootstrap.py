"""Intervals agree with a plain loop, cover the truth, and cancel what both systems share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from kpframework.errors import KpError
from kpframework.run import bootstrap
from kpframework.run.bootstrap import paired_bootstrap, resample

Floats = npt.NDArray[np.float64]


def accuracy(sums: Floats) -> Mapping[str, Floats]:
    return {"accuracy": sums[..., 0] / sums[..., 1]}


def f1(sums: Floats) -> Mapping[str, Floats]:
    right, said, gold = (sums[..., i] for i in range(3))
    return {"f1": 2 * right / (said + gold), "precision": right / said}


def correct(values: npt.NDArray[Any]) -> Floats:
    """Return accuracy statistics (…, 2) of correct-or-not values."""
    values = np.asarray(values, dtype=np.float64)
    return np.stack([values, np.ones_like(values)], axis=-1)


def f1_statistics(rng: np.random.Generator, seeds: int, examples: int) -> Floats:
    said, gold = rng.integers(1, 4, (2, seeds, examples))
    return np.stack([np.minimum(said, gold), said, gold], axis=-1).astype(np.float64)


def by_loop(a: Floats, b: Floats, resamples: int, seed: int) -> tuple[list[float], list[float]]:
    """Resample as `paired_bootstrap` does, one index at a time."""
    seeds, examples, _ = a.shape
    example_stream, seed_stream = (
        np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2)
    )
    singles, differences = [], []
    for _ in range(resamples):
        chosen = example_stream.integers(0, examples, examples)
        drawn = seed_stream.integers(0, seeds, seeds)
        scores = [
            np.mean([f1(sum(system[s][i] for i in chosen))["f1"] for s in drawn])
            for system in (a, b)
        ]
        singles.append(float(scores[0]))
        differences.append(float(scores[0] - scores[1]))
    return singles, differences


@pytest.mark.parametrize("seeds", [1, 3])
def test_intervals_equal_a_plain_loops(seeds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    a, b = f1_statistics(rng, seeds, 30), f1_statistics(rng, seeds, 30)
    monkeypatch.setattr(bootstrap, "_CHUNK_BYTES", 8 * 2 * (30 + seeds * 3) * 7)
    result = paired_bootstrap(a, b, f1, resamples=200, confidence=0.9, seed=5)["f1"]
    singles, differences = by_loop(a, b, 200, 5)
    np.testing.assert_allclose(result["interval"], np.quantile(singles, [0.05, 0.95]), rtol=1e-12)
    np.testing.assert_allclose(
        result["difference"]["interval"], np.quantile(differences, [0.05, 0.95]), atol=1e-12
    )
    expected = [np.mean([f1(s.sum(0))["f1"] for s in system]) for system in (a, b)]
    assert result["mean"] == pytest.approx(expected[0], rel=1e-12)
    assert result["difference"]["mean"] == pytest.approx(expected[0] - expected[1], rel=1e-9)


def test_equal_seeds_give_equal_intervals_and_chunks_do_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stats = correct(np.random.default_rng(0).random((2, 50)) < 0.7)
    first = paired_bootstrap(stats, None, accuracy, resamples=300)
    assert paired_bootstrap(stats, None, accuracy, resamples=300) == first
    assert paired_bootstrap(stats, None, accuracy, resamples=300, seed=1) != first
    monkeypatch.setattr(bootstrap, "_CHUNK_BYTES", 1)
    assert paired_bootstrap(stats, None, accuracy, resamples=300) == first


def test_nineteen_of_twenty_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        stats = correct(rng.random((1, 200)) < 0.7)
        interval = paired_bootstrap(stats, None, accuracy, resamples=300, seed=trial)
        low, high = interval["accuracy"]["interval"]
        covered += low <= 0.7 <= high
    assert 178 <= covered <= 199


def test_pairing_cancels_what_both_systems_share() -> None:
    rng = np.random.default_rng(0)
    common = rng.random((1, 400)) < 0.5
    better = common | (rng.random((1, 400)) < 0.03)
    result = paired_bootstrap(correct(better), correct(common), accuracy)["accuracy"]
    difference = result["difference"]
    assert difference["excludes_zero"]
    width = difference["interval"][1] - difference["interval"][0]
    alone = result["interval"][1] - result["interval"][0]
    assert width < alone / 2
    same = paired_bootstrap(correct(common), correct(common), accuracy)["accuracy"]["difference"]
    assert same == {"mean": 0.0, "interval": [0.0, 0.0], "excludes_zero": False}


def test_noise_between_seeds_widens_the_interval() -> None:
    steady = correct(np.tile(np.arange(400) % 2, (3, 1)))
    noisy = correct(np.stack([np.arange(400) % 10 < share for share in (2, 5, 8)]))
    widths = []
    for stats in (steady, noisy):
        low, high = paired_bootstrap(stats, None, accuracy)["accuracy"]["interval"]
        widths.append(high - low)
    assert widths[1] > 3 * widths[0]


def test_one_seed_of_the_other_system_stands_for_every_seed() -> None:
    rng = np.random.default_rng(0)
    a, b = correct(rng.random((3, 50)) < 0.7), correct(rng.random((1, 50)) < 0.5)
    assert paired_bootstrap(a, b, accuracy) == paired_bootstrap(a, np.repeat(b, 3, 0), accuracy)


def test_a_mask_counts_its_examples_alone() -> None:
    stats = correct(np.random.default_rng(0).random((2, 60)) < 0.7)
    mask = np.arange(60) % 3 == 0
    assert paired_bootstrap(stats, None, accuracy, mask=mask) == paired_bootstrap(
        stats[:, mask], None, accuracy
    )
    assert paired_bootstrap(stats, None, accuracy, mask=np.zeros(60)) == {}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_statistic_that_is_not_finite_is_refused(value: float) -> None:
    stats = correct(np.ones((1, 5)))
    stats[0, 2, 0] = value
    with pytest.raises(KpError, match="not a finite number") as caught:
        paired_bootstrap(stats, None, accuracy)
    assert caught.value.code == "KP530"


def test_a_metric_that_is_not_finite_is_refused_by_name() -> None:
    with np.errstate(invalid="ignore"), pytest.raises(KpError, match="'accuracy' is not a finite"):
        paired_bootstrap(np.zeros((1, 5, 2)), None, accuracy)


@pytest.mark.parametrize(
    ("a", "b"),
    [((2, 5), None), ((2, 5, 2), (2, 6, 2)), ((2, 5, 2), (2, 5, 3)), ((2, 5, 2), (3, 5, 2))],
)
def test_shapes_that_do_not_fit_are_refused(a: tuple[int, ...], b: tuple[int, ...] | None) -> None:
    with pytest.raises(ValueError, match=r"shape|seeds"):
        paired_bootstrap(np.ones(a), None if b is None else np.ones(b), accuracy)


class TestGroups:
    """Examples of one episode share its supports, so that they are right or wrong together."""

    def episodes(self) -> tuple[Floats, list[str]]:
        rng = np.random.default_rng(3)
        whole = rng.random(40) < 0.7
        noise = rng.random((40, 25)) < 0.05
        names = [f"episode-{i}" for i in range(40) for _ in range(25)]
        return correct((whole[:, None] ^ noise).reshape(1, -1)), names

    def width(self, stats: Floats, groups: list[str] | None) -> float:
        low, high = paired_bootstrap(stats, None, accuracy, groups=groups)["accuracy"]["interval"]
        return float(high - low)

    def test_widen_the_interval_where_examples_of_a_group_agree(self):
        stats, names = self.episodes()
        # Of a share p with clusters that agree wholly, the ratio is the root of the cluster's size.
        assert 3.5 < self.width(stats, names) / self.width(stats, None) < 5.5

    def test_leave_the_width_of_examples_that_do_not_depend_on_their_group(self):
        rng = np.random.default_rng(4)
        stats = correct(rng.random((1, 1000)) < 0.7)
        _, names = self.episodes()
        assert 0.8 < self.width(stats, names) / self.width(stats, None) < 1.2

    def test_change_no_metric(self):
        stats, names = self.episodes()
        means = [
            paired_bootstrap(stats, None, accuracy, groups=groups)["accuracy"]["mean"]
            for groups in (names, None)
        ]
        assert means[0] == means[1]

    @pytest.mark.parametrize("groups", [[""] * 60, None])
    def test_without_a_name_are_the_plain_bootstrap(self, groups):
        rng = np.random.default_rng(5)
        a, b = (correct(rng.random((2, 60)) < share) for share in (0.7, 0.6))
        plain = paired_bootstrap(a, b, accuracy, resamples=300)
        assert paired_bootstrap(a, b, accuracy, resamples=300, groups=groups) == plain

    def test_are_drawn_whole(self):
        stats = np.repeat(np.eye(3), 4, axis=0)[None]
        names = [name for name in "abc" for _ in range(4)]

        def spread(sums: Floats) -> Mapping[str, Floats]:
            return {"whole": (sums % 4 == 0).all(axis=-1).astype(np.float64)}

        assert resample(stats, spread, resamples=200, groups=names)["whole"].values.min() == 1
        assert resample(stats, spread, resamples=200)["whole"].values.min() == 0

    def test_are_drawn_whole_of_the_examples_that_count(self):
        stats, names = self.episodes()
        mask = np.arange(1000) % 25 < 10
        less = paired_bootstrap(stats, None, accuracy, groups=names, mask=mask)
        own = [name for name, counts in zip(names, mask, strict=True) if counts]
        assert less == paired_bootstrap(stats[:, mask], None, accuracy, groups=own)

    def test_cancel_in_the_difference_of_paired_systems(self):
        stats, names = self.episodes()
        result = paired_bootstrap(stats, stats, accuracy, groups=names)["accuracy"]
        assert result["difference"]["interval"] == [0, 0]
