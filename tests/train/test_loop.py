from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kpframework.api import Context, TrainConfig
from kpframework.errors import KpError
from kpframework.train.loop import Job, learning_rate, run_training

CONFIG = TrainConfig(epochs=4, batch_size=4, lr=0.05)


class Stop(Exception):
    """Stands for a kill."""


def module() -> torch.nn.Module:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))


def job(net: torch.nn.Module, stop_at: int | None = None, dev=None) -> Job:
    data = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    calls = []

    def loss(indices):
        calls.append(indices)
        if stop_at is not None and len(calls) > stop_at:
            raise Stop
        net.train()
        return net(data[indices]).square().mean()

    return Job(net, lambda epoch: [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], loss, dev)


def weights(net: torch.nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in net.parameters()]


@pytest.mark.parametrize("stop_at", [1, 3, 5, 8, 11])
def test_a_killed_training_resumes_to_the_same_bits(tmp_path: Path, stop_at: int):
    whole = module()
    expected = run_training(job(whole), CONFIG, Context(scratch=tmp_path / "a"))
    killed = Context(scratch=tmp_path / "b")
    with pytest.raises(Stop):
        run_training(job(module(), stop_at), CONFIG, killed, checkpoint_every=0)
    resumed = module()
    history = run_training(job(resumed), CONFIG, killed)
    for ours, theirs in zip(weights(resumed), weights(whole), strict=True):
        assert torch.equal(ours, theirs)
    assert history == expected


def test_a_training_goes_on_within_an_epoch_and_its_time_is_that_of_every_attempt(tmp_path: Path):
    killed = Context(scratch=tmp_path)
    with pytest.raises(Stop):
        run_training(job(module(), stop_at=5), CONFIG, killed, checkpoint_every=0)
    state = json.loads(next(tmp_path.glob("checkpoint/*/history.json")).read_text())
    assert state["steps"] == 5
    assert len(state["loss"]) == 1
    state["seconds"] = 1000.0
    next(tmp_path.glob("checkpoint/*/history.json")).write_text(json.dumps(state))
    calls: list[int] = []
    again = job(module())
    counted = replace(again, loss=lambda batch: calls.append(1) or again.loss(batch))
    history = run_training(counted, CONFIG, killed)
    assert len(calls) == 4 * 3 - 5
    assert history.seconds > 1000
    assert history.earlier_seconds == 1000


def test_a_module_is_in_training_mode_for_the_loss_and_in_evaluation_mode_for_dev(tmp_path: Path):
    net, modes = module(), []
    data = torch.ones(2, 4)

    def loss(batch: object) -> torch.Tensor:
        modes.append(("loss", net.training))
        return net(data).square().mean()

    watched = Job(net, lambda epoch: [0], loss, lambda: modes.append(("dev", net.training)) or 0.0)
    run_training(watched, CONFIG.model_copy(update={"epochs": 2}), Context(scratch=tmp_path))
    assert modes == [("loss", True), ("dev", False)] * 2
    assert not net.training


@pytest.mark.parametrize("kind", ["in place", "replaced"])
def test_running_means_are_resumed_and_kept_with_the_weights_of_their_epoch(
    tmp_path: Path, kind: str
):
    class Mean(torch.nn.Module):
        """Puts a new tensor in its buffer's place, where BatchNorm writes into the old."""

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("running_mean", torch.zeros(8))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.training:
                self.running_mean = 0.9 * self.running_mean + 0.1 * x.detach().mean(0)
            return x - self.running_mean

    def normed() -> torch.nn.Module:
        torch.manual_seed(1)
        return torch.nn.Sequential(
            torch.nn.Linear(4, 8), Mean() if kind == "replaced" else torch.nn.BatchNorm1d(8)
        )

    whole = normed()
    run_training(job(whole), CONFIG, Context(scratch=tmp_path / "a"))
    killed = Context(scratch=tmp_path / "b")
    with pytest.raises(Stop):
        run_training(job(normed(), stop_at=5), CONFIG, killed, checkpoint_every=0)
    resumed = normed()
    run_training(job(resumed), CONFIG, killed)
    assert torch.equal(resumed[1].running_mean, whole[1].running_mean)

    net, seen, scores = normed(), [], iter([0.2, 0.9, 0.3, 0.1])

    def dev() -> float:
        seen.append(net[1].running_mean.clone())
        return next(scores)

    run_training(job(net, dev=dev), CONFIG, Context(scratch=tmp_path / "c"))
    assert torch.equal(net[1].running_mean, seen[1])


def test_the_best_epoch_on_dev_is_kept_and_ties_go_to_the_first(tmp_path: Path):
    net = module()
    seen, scores = [], iter([0.2, 0.9, 0.9, 0.1])

    def dev() -> float:
        seen.append(weights(net))
        return next(scores)

    history = run_training(job(net, dev=dev), CONFIG, Context(scratch=tmp_path))
    assert history.kept == 2
    assert all(torch.equal(a, b) for a, b in zip(weights(net), seen[1], strict=True))


def test_at_a_constant_rate_fewer_epochs_give_the_checkpoint_after_them(tmp_path: Path):
    constant = CONFIG.model_copy(update={"warmup": 0.0, "decay": False, "epochs": 5})
    net, after = module(), []
    watched = job(net, dev=lambda: after.append(weights(net)) or 0.0)
    run_training(watched, constant, Context(scratch=tmp_path / "long"))
    short = module()
    fewer = constant.model_copy(update={"epochs": 3})
    run_training(job(short), fewer, Context(scratch=tmp_path / "short"))
    assert all(torch.equal(a, b) for a, b in zip(weights(short), after[2], strict=True))


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(tmp_path: Path):
    net = module()
    before = weights(net)
    broken = Job(net, lambda epoch: [[0]], lambda batch: net(torch.full((1, 4), torch.nan)).sum())
    with pytest.raises(KpError, match="KP720"):
        run_training(broken, CONFIG, Context(scratch=tmp_path))
    assert all(torch.equal(a, b) for a, b in zip(weights(net), before, strict=True))


def test_a_launcher_of_several_processes_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("accelerate.Accelerator.num_processes", 2)
    with pytest.raises(KpError, match=r"KP721(.|\n)*--jobs"):
        run_training(job(module()), CONFIG, Context(scratch=tmp_path))


def test_frozen_parameters_never_move(tmp_path: Path):
    net = module()
    net[0].requires_grad_(False)
    before = net[0].weight.clone()
    run_training(job(net), CONFIG, Context(scratch=tmp_path))
    assert torch.equal(net[0].weight, before)


def test_the_rate_warms_up_then_falls_to_nothing():
    config = TrainConfig(lr=1.0, warmup=0.2)
    rates = [learning_rate(config, step, 10) for step in range(10)]
    assert rates[:2] == [0.5, 1.0]
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] == pytest.approx(1 / 8)
    assert learning_rate(TrainConfig(lr=0.5, warmup=0, decay=False), 7, 10) == 0.5


def test_the_callers_own_random_state_does_not_matter(tmp_path: Path):
    results = []
    for name in "ab":
        net = module()
        torch.manual_seed(ord(name))
        run_training(job(net), CONFIG, Context(scratch=tmp_path / name))
        results.append(weights(net))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_trainings_of_both_precisions_follow_each_other_in_one_process(tmp_path: Path):
    losses = {}
    for precision in ("fp32", "bf16", "fp32"):
        history = run_training(
            job(module()), CONFIG, Context(scratch=tmp_path / f"{len(losses)}"), precision
        )
        losses.setdefault(precision, history.loss)
        assert history.loss == losses[precision]
        shutil.rmtree(tmp_path / f"{len(losses)}", ignore_errors=True)
    assert losses["bf16"] != losses["fp32"]
