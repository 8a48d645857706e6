"""What an adaptation of a model into a host promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from kpframework.api.config import TrainConfig
from kpframework.testing.conformance.model import check, ensure
from kpframework.testing.conformance.subject import Subject
from kpframework.testing.conformance.watch import is_pickle
from kpframework.testing.conformance.world import tokenizer
from kpframework.testing.knowledge import TinyTask

ARCHITECTURE = "bert-classifier"


def _load(subject: Subject, folder: Path | None) -> Any:
    """Return a model with the task's head; the head of the backbone is new."""
    return _loaded(subject, folder)[0]


def _loaded(subject: Subject, folder: Path | None) -> tuple[Any, list[str]]:
    from kpframework.train.hosts import load_model

    with torch.random.fork_rng(devices=[]):
        return load_model(
            folder or subject.world.folder / "backbone", "sequence-classification", 2, seed=0
        )


def _inputs() -> Any:
    texts = [own.segments[0].text for own in TinyTask().examples("train")]
    return tokenizer(ARCHITECTURE)(texts, return_tensors="pt", padding=True)


def _logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(**_inputs()).logits
    return found


def _trained(model: Any) -> dict[str, torch.nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def work(subject: Subject) -> dict[str, Any]:
    """Prepare a model, train it a few steps, save it, load it."""
    model, new = _loaded(subject, None)
    adaptation = subject.create()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = adaptation.prepare(model, new)
    before = _logits(model)
    gold = torch.tensor([own.target for own in TinyTask().examples("train")])
    optimizer = torch.optim.AdamW(_trained(model).values(), lr=0.01)
    with torch.enable_grad():
        for _ in range(3):
            optimizer.zero_grad()
            loss: Any = torch.nn.functional.cross_entropy(model(**_inputs()).logits, gold)
            loss.backward()
            optimizer.step()
    folder = subject.world.new_scratch()
    adaptation.save(model, folder)
    with torch.random.fork_rng(devices=[]):
        loaded = subject.create().load(folder, lambda own: _load(subject, own))
    return {
        "before": before,
        "after": _logits(model),
        "loaded": _logits(loaded),
        "trained": sorted(_trained(model)),
        "idle": [name for name, p in _trained(model).items() if p.grad is None],
        "pickles": [p.name for p in folder.rglob("*") if p.is_file() and is_pickle(p)],
        "new": new,
    }


@check("host")
def something_is_trained(subject: Subject) -> None:
    """After `prepare` some parameters require a gradient, and training moves the answers."""
    own = subject.result()
    ensure(bool(own["trained"]), "no parameter requires a gradient")
    ensure(not torch.equal(own["before"], own["after"]), "three steps change no answer")


@check("host")
def new_parameters_are_trained(subject: Subject) -> None:
    """The new head's parameters are trained."""
    own = subject.result()
    for name in own["new"]:
        module, _, leaf = name.rpartition(".")
        found = any(module in trained and trained.endswith(leaf) for trained in own["trained"])
        ensure(found, f"{name}, drawn at random, is not trained")


@check("host")
def save_and_load_are_bit_equal(subject: Subject) -> None:
    """A saved and loaded host answers as the trained one, to the bit."""
    own = subject.result()
    ensure(torch.equal(own["after"], own["loaded"]), "the loaded host answers otherwise")


@check("host")
def saves_no_pickle(subject: Subject) -> None:
    """No file that it saves is a pickle."""
    found = subject.result()["pickles"]
    ensure(not found, f"{', '.join(found)} are pickles")


@check("host")
def train_is_a_train_config(subject: Subject) -> None:
    """The property `train` holds the options of a training loop."""
    train = subject.create().train
    ensure(isinstance(train, TrainConfig), f"it is a {type(train).__name__}")
