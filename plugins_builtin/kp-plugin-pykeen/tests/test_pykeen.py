import os
import random
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from kp_plugin_pykeen import config as configs
from kp_plugin_pykeen import models
from kp_plugin_pykeen.holdout import hold_out
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context

MODELS = ("TransE", "RotatE", "DistMult", "ComplEx")


class Family:
    """60 people in a binary tree: 'parent' edges, and 'child' edges the other way."""

    name = "family"

    def __init__(self, people=60):
        pairs = [(i, (i - 1) // 2) for i in range(1, people)]
        triples = [(c, 1, p) for c, p in pairs] + [(p, 0, c) for c, p in pairs]
        self.triples = np.array(sorted(triples), dtype=np.int64)
        self.entity_ids = [f"p{i:02}" for i in range(people)] + ["stranger"]


def compute(model="TransE", scratch=Path("unused"), seed=0, kb=None, progress=None, **options):
    options = {"dim": 8, "epochs": 3, "batch_size": 32, "evaluate": 0.1} | options
    context = Context(seed=seed, scratch=scratch, **({"progress": progress} if progress else {}))
    config = getattr(configs, f"{model}Config")(**options)
    return getattr(models, model)(config, context).compute(kb or Family())


@pytest.mark.parametrize("model", MODELS)
def test_every_model_gives_finite_vectors_of_the_width_asked_for(model, tmp_path):
    table = compute(model, tmp_path)
    assert table.vectors.shape == (60, 8)
    assert table.vectors.dtype == np.float32
    assert np.isfinite(table.vectors).all()
    assert 0 < table.metrics["mrr"] <= 1
    assert 0 <= table.metrics["hits@10"] <= 1


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_bytes_whatever_ran_before(model, tmp_path):
    first = compute(model, tmp_path, seed=3)
    torch.rand(7)
    again = compute(model, tmp_path, seed=3)
    other = compute(model, tmp_path, seed=4)
    assert first.vectors.tobytes() == again.vectors.tobytes()
    assert first.metrics == again.metrics
    assert first.vectors.tobytes() != other.vectors.tobytes()


class Stop(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("epoch", [1, 3])
def test_a_killed_training_goes_on_to_the_same_bytes(model, epoch, tmp_path, monkeypatch):
    whole = compute(model, tmp_path / "whole", epochs=5)
    from kp_plugin_pykeen import training

    often = partial(training.Checkpoint, every=0.0)
    seen = []

    @contextmanager
    def progress(description, total):
        def advance(count=1, note=""):
            seen.append(count)
            if stop and sum(seen) > epoch:
                raise Stop

        yield advance

    stop = True
    monkeypatch.setattr(training, "Checkpoint", often)
    with pytest.raises(Stop):
        compute(model, tmp_path, epochs=5, progress=progress)
    stop = False
    torch.rand(3)
    seen.clear()
    resumed = compute(model, tmp_path, epochs=5, progress=progress)
    assert seen[0] == epoch
    assert sum(seen) == 5
    assert resumed.vectors.tobytes() == whole.vectors.tobytes()
    assert resumed.metrics == whole.metrics


def test_training_learns_what_generalises(tmp_path):
    ring, size = Family(), 600
    ring.entity_ids = [f"p{i:03}" for i in range(size)]
    ring.triples = np.array(
        [(i, step - 1, (i + step) % size) for step in (1, 2, 3, 4) for i in range(size)]
    )
    options = {"kb": ring, "batch_size": 256, "evaluate": 0.02, "dim": 32}
    assert compute(scratch=tmp_path, epochs=1, **options).metrics["hits@10"] < 0.2
    assert compute(scratch=tmp_path, epochs=80, **options).metrics["hits@10"] > 0.5


def test_transe_keeps_entity_vectors_at_length_one_when_asked(tmp_path):
    unit, free = compute(scratch=tmp_path, unit_length=True), compute(scratch=tmp_path)
    np.testing.assert_allclose(np.linalg.norm(unit.vectors, axis=1), 1, rtol=1e-5)
    assert np.linalg.norm(free.vectors, axis=1).std() > 1e-3


def test_an_entity_without_a_triple_gets_no_vector(tmp_path):
    assert list(compute(scratch=tmp_path).ids) == [f"p{i:02}" for i in range(60)]


def test_inverse_relations_can_be_trained_too(tmp_path):
    plain, inverse = compute(scratch=tmp_path), compute(scratch=tmp_path, inverse=True)
    assert inverse.vectors.shape == plain.vectors.shape
    assert inverse.vectors.tobytes() != plain.vectors.tobytes()


def test_no_score_is_measured_when_nothing_is_held_out(tmp_path):
    assert compute(scratch=tmp_path, evaluate=0.0).metrics == {}


def test_progress_moves_once_an_epoch(tmp_path):
    steps = []

    @contextmanager
    def progress(description, total):
        yield lambda count=1, note="": steps.append((description, total, count))

    compute(scratch=tmp_path, progress=progress)
    assert steps == [("train entity embeddings", 3, 1)] * 3


def test_others_randomness_is_left_alone(tmp_path):
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    compute(scratch=tmp_path)
    assert random.getstate() == states[0]
    assert (np.random.get_state()[1] == states[1]).all()
    assert torch.equal(torch.get_rng_state(), states[2])


def test_nothing_is_written_outside_the_scratch_folder_and_nothing_said(tmp_path):
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from test_pykeen import compute\n"
        "compute(scratch=Path(sys.argv[2]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(scratch)],
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout + result.stderr == ""
    assert list(home.iterdir()) == []


def test_a_knowledge_base_without_triples_is_an_error(tmp_path):
    kb = Family()
    kb.triples = np.empty((0, 3), dtype=np.int64)
    with pytest.raises(KpError, match="KP440"):
        compute(scratch=tmp_path, kb=kb)


def test_a_loss_that_is_not_finite_is_an_error(tmp_path):
    with pytest.raises(KpError, match=r"KP441(.|\n)*lower 'lr'"):
        compute("ComplEx", tmp_path, lr=1e30, epochs=20)


@pytest.mark.parametrize("model", ["RotatE", "ComplEx"])
def test_complex_models_need_an_even_width(model):
    with pytest.raises(ValidationError, match="multiple of 2"):
        getattr(configs, f"{model}Config")(dim=7)


def graph(seed, triples=4_000, entities=300, relations=5):
    made = np.random.default_rng(seed).integers(0, entities, (triples, 3))
    made[:, 1] %= relations
    return np.unique(made, axis=0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_triple_between_the_ends_of_a_scored_one_is_trained_on(seed):
    triples = graph(seed)
    scored, trained = hold_out(triples, 0.02, 1_000, seed)
    assert 0 < scored.sum() <= 0.02 * len(triples)
    ends = {frozenset((h, t)) for h, _, t in triples[scored].tolist()}
    assert not any(frozenset((h, t)) in ends for h, _, t in triples[trained].tolist())
    assert not (scored & trained).any()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_entity_and_relation_is_still_trained(seed):
    triples = graph(seed, triples=900)
    _, trained = hold_out(triples, 0.5, 1_000, seed)
    for columns in ([0, 2], [1]):
        assert set(np.unique(triples[trained][:, columns])) == set(np.unique(triples[:, columns]))


def test_no_more_are_held_out_than_asked_for():
    triples = graph(0)
    assert hold_out(triples, 0.5, 7, 0)[0].sum() == 7
    scored, trained = hold_out(triples, 0.0, 7, 0)
    assert not scored.any()
    assert trained.all()
