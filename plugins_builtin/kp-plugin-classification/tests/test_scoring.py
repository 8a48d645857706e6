import itertools

import numpy as np
import pytest
from kp_plugin_classification import scoring

metrics = pytest.importorskip("sklearn.metrics")
CLASSES = 6


def multi_hot(rows):
    table = np.zeros((len(rows), CLASSES), dtype=int)
    for row, labels in enumerate(rows):
        table[row, list(labels)] = 1
    return table


def random_sets(rng, n):
    return [np.flatnonzero(row).tolist() for row in rng.random((n, CLASSES)) < 0.3]


@pytest.mark.parametrize("seed", range(5))
def test_f1_of_sets_agrees_with_sklearn(seed):
    rng = np.random.default_rng(seed)
    decided, gold = random_sets(rng, 30), random_sets(rng, 30)
    sums = scoring.counts(decided, gold, CLASSES).sum(0)
    present = sorted(set(itertools.chain(*decided, *gold)))
    y, p = multi_hot(gold), multi_hot(decided)
    assert scoring.micro_f1(sums) == pytest.approx(metrics.f1_score(y, p, average="micro"))
    assert scoring.macro_f1(sums) == pytest.approx(
        metrics.f1_score(y, p, average="macro", labels=present, zero_division=0)
    )


@pytest.mark.parametrize("unseen", [1, 4])
@pytest.mark.parametrize("seed", range(5))
def test_scores_of_one_label_agree_with_sklearn_each_unseen_in_train_a_class_of_its_own(
    seed, unseen
):
    rng = np.random.default_rng(seed)
    decided, gold = rng.integers(0, CLASSES, 40), rng.integers(-unseen, CLASSES - 1, 40)
    sums = scoring.counts([[d] for d in decided], [[g] for g in gold], CLASSES).sum(0)
    assert scoring.accuracy(sums) == pytest.approx(metrics.accuracy_score(gold, decided))
    assert scoring.macro_f1(sums) == pytest.approx(
        metrics.f1_score(gold, decided, average="macro", zero_division=0)
    )


def test_four_labels_unseen_in_train_weigh_as_four():
    # f1_score(gold, decided, average="macro") of scikit-learn 1.9: F1 of 4/5, 2/3 and 0 for the
    # three labels decided, and 0 for each of four that none was decided for.
    gold, decided = [0, 0, 1, 2, -1, -2, -3, -4], [0, 0, 1, 1, 0, 2, 2, 2]
    sums = scoring.counts([[d] for d in decided], [[g] for g in gold], 3).sum(0)
    assert scoring.macro_f1(sums) == pytest.approx(0.20952380952380953)
    assert scoring.macro_f1(sums) == pytest.approx(metrics.f1_score(gold, decided, average="macro"))


def test_scores_accept_any_leading_shape():
    rng = np.random.default_rng(0)
    table = scoring.counts(random_sets(rng, 12), random_sets(rng, 12), CLASSES)
    draws = rng.integers(0, 12, (5, 12))
    sums = table[draws].sum(1)
    assert scoring.micro_f1(sums).shape == scoring.macro_f1(sums).shape == (5,)
    assert scoring.macro_f1(sums)[3] == scoring.macro_f1(table[draws[3]].sum(0))


def test_nothing_decided_and_nothing_gold_scores_zero():
    assert scoring.micro_f1(np.zeros(3 * (CLASSES + 1))) == 0.0
    assert scoring.macro_f1(np.zeros(3 * (CLASSES + 1))) == 0.0


@pytest.mark.parametrize("at_least_one", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_threshold_is_the_best_of_every_observed_logit(seed, at_least_one):
    rng = np.random.default_rng(seed)
    logits = np.round(rng.normal(size=(15, CLASSES)), 1).astype(np.float32)
    gold = random_sets(rng, 15)
    scores = scoring.force_best(logits) if at_least_one else logits.astype(np.float64)

    def f1(threshold):
        decided = [np.flatnonzero(row) for row in scores >= threshold]
        return scoring.micro_f1(scoring.counts(decided, gold, CLASSES).sum(0))

    best = max(f1(t) for t in [*np.unique(logits).astype(np.float64), 99.0])
    assert f1(scoring.best_threshold(scores, gold)) == best


def test_threshold_of_no_examples_is_zero():
    assert scoring.best_threshold(np.zeros((0, CLASSES)), []) == 0.0


def test_gold_labels_without_an_output_lower_recall_alone():
    sums = scoring.counts([[0]], [[0, scoring.UNSEEN, scoring.UNSEEN]], 2).sum(0)
    assert scoring.micro_f1(sums) == 2 * 1 / (1 + 3)
