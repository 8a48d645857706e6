"""What a task promises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kpframework.api.text import Example, Hidden, Segment
from kpframework.spec.fields import input_values, only_test
from kpframework.testing.conformance.equality import equal
from kpframework.testing.conformance.model import check, ensure
from kpframework.testing.conformance.subject import Subject
from kpframework.testing.conformance.watch import watching
from kpframework.testing.conformance.world import tokenizer

SPLITS = ("train", "dev", "test")
MOST = 12
"""Examples that losses and metrics are tried on."""


def _task(subject: Subject, **context: Any) -> Any:
    return subject.create(tokenizer=lambda: tokenizer("bert-masked-lm"), **context)


def work(subject: Subject) -> dict[str, Any]:
    """Read all splits, and ask for labels, metrics and counts."""
    task = _task(subject)
    subject.memo("ready", lambda: task)  # reading may take long: checks go on with this one
    return {
        "labels": list(task.labels),
        "examples": {split: list(task.examples(split)) for split in SPLITS},
        "again": list(task.examples("train")),
        "metrics": list(task.metrics),
        "counts": dict(task.counts()),
        "files": [str(path) for path in task.files()],
        "length": task.max_length,
    }


def _examples(subject: Subject, split: str = "train") -> list[Example]:
    found: list[Example] = subject.result()["examples"][split]
    return found


def _ready(subject: Subject) -> Any:
    """Return a task that has read its labels and its examples: the one that did the work."""
    subject.result()
    return subject.memo("ready", lambda: _task(subject))


def _targets(subject: Subject) -> list[Any]:
    found = [own.target for own in _examples(subject)]
    step = max(1, len(found) // MOST)
    return found[::step][:MOST]


def _logits(subject: Subject, scale: float = 1.0) -> torch.Tensor:
    """Return random outputs for the targets, in the shape that the task's host has."""
    task, count = _ready(subject), len(_targets(subject))
    outputs = len(task.labels)
    if task.reads == "words":
        outputs = len(tokenizer("bert-masked-lm"))
    elif task.reads != "head":
        outputs = 1
    inputs = len(_examples(subject)[0].inputs)
    shape = (count, inputs, outputs) if inputs else (count, outputs)
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(0))


@check("task")
def examples_can_be_read_again(subject: Subject) -> None:
    """A split gives the same examples a second time, in the same order."""
    own = subject.result()
    ensure(equal(own["examples"]["train"], own["again"]), "the second reading is another")


@check("task")
def ids_are_unique(subject: Subject) -> None:
    """Every split has examples, and no id twice in one split."""
    for split in SPLITS:
        ids = [own.id for own in _examples(subject, split)]
        ensure(bool(ids), f"the sample has no example of {split}")
        ensure(len(set(ids)) == len(ids), f"an id comes twice in {split}")


@check("task")
def spans_lie_in_the_text(subject: Subject) -> None:
    """Mentions and edits of a segment lie within its text."""
    for split in SPLITS:
        for example in _examples(subject, split):
            for segment in example.segments:
                _spans(example.id, segment)


def _spans(example: str, segment: Segment) -> None:
    length = len(segment.text)
    for own in segment.mentions:
        inside = 0 <= own.start < own.end <= length
        ensure(inside, f"{example}: {own.start} to {own.end} of {length} characters")
        covered = segment.text[own.start : own.end]
        ensure(bool(covered.strip()), f"{example}: a mention is blank")
    for edit in segment.edits:
        start = getattr(edit, "at", getattr(edit, "start", 0))
        end = getattr(edit, "end", start)
        ensure(0 <= start <= end <= length, f"{example}: {edit} lies outside of its text")


@check("task")
def inputs_name_segments(subject: Subject) -> None:
    """Examples of a split have as many inputs, each of one or two segments that exist."""
    for split in SPLITS:
        own = _examples(subject, split)
        ensure(len({len(e.inputs) for e in own}) <= 1, f"{split}: examples differ in their inputs")
        for example in own:
            for given in example.inputs:
                known = all(0 <= i < len(example.segments) for i in given)
                ensure(known and len(given) in (1, 2), f"{example.id}: the input {given}")


@check("task")
def targets_are_json(subject: Subject) -> None:
    """Targets and what is shown of an example are JSON."""
    for split in SPLITS:
        for own in _examples(subject, split):
            again = json.loads(json.dumps([own.target, dict(own.info)]))
            ensure(again[0] == own.target, f"{own.id}: the target {own.target!r} is no JSON")


@check("task")
def test_examples_are_not_trained_on(subject: Subject) -> None:
    """No test example is a training example, text and answer alike."""
    trained = {_content(own) for own in _examples(subject)}
    both = [own.id for own in _examples(subject, "test") if _content(own) in trained]
    ensure(not both, f"these are examples of train, too: {both[:3]}")


def _content(example: Example) -> str:
    return f"{[(s.text, s.mentions) for s in example.segments]} {example.target}"


def _test_files(subject: Subject) -> set[str]:
    """Return the files that options which concern the test examples alone name."""
    config = subject.bound.config
    paths = {path: value for path, value, _ in input_values(config)}
    marked = tuple(only_test(config))
    own = {v for p, v in paths.items() if p.split(".")[-1] == "test" or p.startswith(marked)}
    if not marked:
        own = {v for p, v in paths.items() if p.split(".")[-1] == "test"}
    return own - {v for p, v in paths.items() if p.split(".")[-1] in ("train", "dev")}


@check("task", when=lambda s: bool(s.memo("test files", lambda: _test_files(s))))
def test_examples_are_unread_while_training(subject: Subject) -> None:
    """Labels, training and dev examples are read without opening the file of test examples."""
    subject.result()
    task = _task(subject)
    with watching() as seen:
        _ = list(task.labels), list(task.examples("train")), list(task.examples("dev"))
    read = {Path(own).resolve() for own in seen.opened}
    found = [own for own in _test_files(subject) if Path(own).resolve() in read]
    ensure(not found, f"{', '.join(found)} is read before the test")


@check("task")
def head_is_declared(subject: Subject) -> None:
    """The capability `head` names the head its hosts need."""
    declared = subject.declares.get("head", "sequence-classification")
    own = _ready(subject).head
    ensure(own == declared, f"it is {own!r}; the component declares {declared!r}")


@check("task")
def loss_is_a_mean_over_examples(subject: Subject) -> None:
    """The loss is a finite number with a gradient, the mean of its examples' losses."""
    task, targets, logits = _ready(subject), _targets(subject), _logits(subject)
    with torch.enable_grad():
        free = logits.clone().requires_grad_(True)
        loss = task.loss(free, targets)
        ensure(loss.ndim == 0 and bool(torch.isfinite(loss)), f"it is {loss}")
        loss.backward()
    ensure(free.grad is not None and bool(free.grad.any()), "it has no gradient")
    parts = [float(task.loss(logits[i : i + 1], targets[i : i + 1])) for i in range(len(targets))]
    mean = float(np.mean(parts))
    ensure(
        abs(loss.item() - mean) < 1e-4 * max(1.0, abs(mean)),
        f"of a batch it is {loss.item():.6g}, the mean of its examples {mean:.6g}",
    )


@check("task")
def decisions_do_not_depend_on_the_batch(subject: Subject) -> None:
    """An example is decided alike alone, in a batch, and in another order."""
    task, logits = _ready(subject), _logits(subject).numpy()
    calibration = dict(task.calibrate(logits, _targets(subject)))
    together = list(task.decide(logits, calibration))
    json.dumps(together)
    alone = [own for i in range(len(logits)) for own in task.decide(logits[i : i + 1], calibration)]
    ensure(alone == together, "alone, examples are decided otherwise than in a batch")
    back = list(task.decide(logits[::-1].copy(), calibration))[::-1]
    ensure(back == together, "in another order, examples are decided otherwise")


@check("task")
def metrics_do_not_depend_on_the_batch(subject: Subject) -> None:
    """An example's statistics are its own: alone, in a batch, and in another order."""
    task, targets = _ready(subject), _targets(subject)
    decisions = list(task.decide(_logits(subject).numpy(), _calibration(subject)))
    together = np.asarray(task.statistics(decisions, targets), dtype=float)
    ensure(together.ndim == 2 and len(together) == len(targets), f"the shape is {together.shape}")
    alone = [
        task.statistics(decisions[i : i + 1], targets[i : i + 1])[0] for i in range(len(targets))
    ]
    ensure(np.array_equal(np.array(alone), together), "alone, statistics are others")
    back = np.asarray(task.statistics(decisions[::-1], targets[::-1]))[::-1]
    ensure(np.array_equal(back, together), "in another order, statistics are others")


def _calibration(subject: Subject) -> dict[str, float]:
    return dict(_ready(subject).calibrate(_logits(subject).numpy(), _targets(subject)))


@check("task")
def metrics_are_shares(subject: Subject) -> None:
    """Every metric lies in [0, 1], for one sum of statistics and for an array of them."""
    task, targets = _ready(subject), _targets(subject)
    decisions = list(task.decide(_logits(subject).numpy(), _calibration(subject)))
    sums = np.asarray(task.statistics(decisions, targets), dtype=float)
    both = task.score(np.stack([sums.sum(0), sums[:1].sum(0)]))
    ensure(list(both) == list(task.metrics), f"score has {list(both)}, metrics {task.metrics}")
    for name, values in both.items():
        one = np.asarray(task.score(sums.sum(0))[name])
        ensure(np.shape(values) == (2,) and np.shape(one) == (), f"{name}: {np.shape(values)}")
        ensure(bool(np.isclose(values[0], one)), f"{name} of an array is another")
        ensure(bool(((values >= 0) & (values <= 1)).all()), f"{name} is {values}")


@check("task")
def a_lower_loss_scores_better(subject: Subject) -> None:
    """Outputs that make the loss small score near 1, and better than random ones."""
    task, targets = _ready(subject), _targets(subject)
    free = _logits(subject, 0.1).requires_grad_(True)
    optimizer = torch.optim.Adam([free], lr=0.3)
    with torch.enable_grad():
        for _ in range(80):
            optimizer.zero_grad()
            task.loss(free, targets).backward()
            optimizer.step()
    logits = free.detach().numpy()
    decisions = list(task.decide(logits, dict(task.calibrate(logits, targets))))
    sums = np.asarray(task.statistics(decisions, targets)).sum(0)
    name = task.metrics[0]
    value = float(task.score(sums)[name])
    ensure(value > 0.95, f"where the loss is lowest, {name} is {value:.3f}")
    for decision, target in zip(decisions, targets, strict=True):
        quality = float(task.quality(decision, target))
        ensure(0 <= quality <= 1, f"the quality of {decision!r} is {quality}")
        ensure(isinstance(task.show(decision), str), "show() returns no text")


@check("task")
def counts_are_whole(subject: Subject) -> None:
    """What it counts are whole numbers, files it names exist, an input has a length."""
    own = subject.result()
    counts = own["counts"]
    whole = isinstance(counts, Mapping) and all(isinstance(v, int) for v in counts.values())
    ensure(whole, f"counts() is {counts}")
    missing = [path for path in own["files"] if not Path(path).exists()]
    ensure(not missing, f"files() names {missing}, which are not there")
    ensure(int(own["length"]) > 0, f"max_length is {own['length']}")


@check("task", when=lambda s: s.declares.get("head") == "language-model")
def something_is_hidden(subject: Subject) -> None:
    """A language model's inputs hide what it has to name."""
    for example in _examples(subject)[:MOST]:
        pieces = [
            piece
            for segment in example.segments
            for edit in segment.edits
            for piece in getattr(edit, "pieces", ())
        ]
        hidden = any(isinstance(piece, Hidden) for piece in pieces)
        ensure(hidden, f"{example.id} hides nothing")
