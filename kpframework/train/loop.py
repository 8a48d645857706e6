"""The one training loop: host adaptation, map-tuning and head fitting differ in what they pass.

Order, dropout and learning rate are functions of (seed, step), never of history, so that a killed
training goes on from {weights, moments, step} to the bytes of an uninterrupted one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from kpframework.api.config import TrainConfig
from kpframework.api.context import Context
from kpframework.api.randomness import own_generators
from kpframework.errors import KpError
from kpframework.train.checkpoint import Checkpoint, trainable

CHECKPOINT_SECONDS = 20.0


@dataclass
class History:
    """What a training did, for the record and its curves."""

    loss: list[float] = field(default_factory=list)
    """Mean training loss of each epoch."""
    dev: list[float] = field(default_factory=list)
    """Primary dev metric after each epoch."""
    kept: int = 0
    """The epoch whose weights were kept, counted from 1."""
    steps: int = 0
    """Steps done, over all epochs."""
    running: float = 0.0
    """Sum of the losses of an epoch that is not over."""
    seconds: float = field(default=0.0, compare=False)
    """Time it took, of every attempt to its last checkpoint."""
    earlier_seconds: float = field(default=0.0, compare=False)
    """Those of the attempts before the last, which were interrupted."""


@dataclass(frozen=True)
class Job:
    """What the loop is given."""

    module: torch.nn.Module
    """Its parameters that require a gradient are trained. It is in training mode when the loss is
    taken, in evaluation mode for dev and at the end."""
    batches: Callable[[int], Sequence[Any]]
    """The batches of an epoch, the same number in each."""
    loss: Callable[[Any], torch.Tensor]
    """Mean loss of one batch."""
    evaluate: Callable[[], float] | None = None
    """Dev metric, higher is better; None keeps the last epoch."""
    label: str = "training"
    parts: Callable[[Any], Sequence[tuple[Any, float]]] | None = None
    """Divides a batch into parts that are computed one after the other, so that memory bounds their
    size and not the batch's; with each its share of the batch's loss. None computes it at once."""


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """Return the rate of a step: linear warm-up, then linear decay to 0 (or constant)."""
    warm = int(config.warmup * steps)
    if step < warm:
        return config.lr * (step + 1) / warm
    if not config.decay:
        return config.lr
    return config.lr * (steps - step) / max(1, steps - warm)


def step_seed(seed: int, step: int) -> int:
    """Return the seed of one step's dropout."""
    return (seed * 1_000_003 + step * 1_009) % (1 << 63)


@contextmanager
def fast_fp32() -> Iterator[None]:
    """Multiply in fp32 by the faster library where that keeps fp32's accuracy.

    On a CPU without AMX 'medium' takes oneDNN's fp32 kernels (relative error 4e-7) instead of
    MKL's; with AMX it would round to bf16, so it is left alone there. Attention takes the plain
    kernel, whose backward pass is faster than the fused one's at these lengths.
    """
    before = torch.get_float32_matmul_precision()
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: True)()
    on_cpu = not torch.cuda.is_available()
    if on_cpu and not amx:
        torch.set_float32_matmul_precision("medium")
    try:
        if on_cpu:
            with sdpa_kernel(SDPBackend.MATH):
                yield
        else:
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def run_training(
    job: Job,
    config: TrainConfig,
    context: Context,
    precision: str = "fp32",
    checkpoint_every: float = CHECKPOINT_SECONDS,
) -> History:
    """Train ``job.module`` in place and return what happened.

    Args:
        job: what is trained on what.
        config: the loop's options.
        context: seed, scratch folder for checkpoints, device, progress.
        precision: ``fp32`` or ``bf16``.
        checkpoint_every: seconds between checkpoints; see `Checkpoint`.

    Raises:
        KpError: KP720, the loss or the gradient is not finite; nothing was updated by that step.
            KP721, several processes were launched to train together.
    """
    from accelerate import Accelerator

    # Accelerate's precision is fixed for the whole process; trainings of both follow each other.
    accelerator = Accelerator(cpu=context.device == "cpu", mixed_precision="no")
    if accelerator.num_processes > 1:
        raise KpError(
            "KP721",
            f"a training is done by one process, and {accelerator.num_processes} were launched",
            "run it without a launcher; --jobs makes steps that do not need each other at once",
        )
    half, device = precision == "bf16", torch.device(context.device)
    parameters = trainable(job.module)
    optimizer = torch.optim.AdamW(
        list(parameters.values()), lr=config.lr, weight_decay=config.weight_decay, fused=True
    )
    checkpoint = Checkpoint(job.module, context.scratch / "checkpoint", checkpoint_every)
    history = History()
    checkpoint.restore(optimizer, history, device)
    history.earlier_seconds = history.seconds
    began = time.monotonic() - history.seconds
    per_epoch = len(job.batches(0))
    steps = per_epoch * config.epochs
    with context.progress(job.label, steps) as advance, fast_fp32(), own_generators():
        advance(history.steps)
        for epoch in range(len(history.loss), config.epochs):
            job.module.train()
            batches = job.batches(epoch)
            for batch in batches[history.steps - epoch * per_epoch :]:
                step = history.steps
                torch.manual_seed(step_seed(context.seed, step))
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(config, step, steps)
                loss = torch.zeros((), device=device)
                for part, share in job.parts(batch) if job.parts else [(batch, 1.0)]:
                    with torch.autocast(device.type, torch.bfloat16, enabled=half):
                        own = job.loss(part) * share
                    accelerator.backward(own)
                    loss = loss + own.detach()
                _update(optimizer, parameters, loss, config, step)
                value = float(loss.detach())
                history.running += value
                history.steps += 1
                advance(1, f"loss {value:.3f}")
                if history.steps < (epoch + 1) * per_epoch:
                    history.seconds = time.monotonic() - began
                    checkpoint.save_if_due(optimizer, history)
            history.loss.append(history.running / max(1, per_epoch))
            history.running = 0.0
            job.module.eval()
            _close_epoch(job, config, history, checkpoint)
            history.seconds = time.monotonic() - began
            checkpoint.save_if_due(optimizer, history)
    checkpoint.best()
    return history


def _update(
    optimizer: torch.optim.Optimizer,
    parameters: dict[str, torch.nn.Parameter],
    loss: torch.Tensor,
    config: TrainConfig,
    step: int,
) -> None:
    limit = config.max_grad_norm or math.inf
    norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), limit)
    if not bool(torch.isfinite(loss.detach())) or not bool(torch.isfinite(norm)):
        raise KpError(
            "KP720",
            f"step {step}: loss {float(loss.detach())}, gradient norm {float(norm)}; training was "
            "stopped before the weights changed",
            "lower the learning rate, or look at the data of that step",
        )
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _close_epoch(
    job: Job,
    config: TrainConfig,
    history: History,
    checkpoint: Checkpoint,
) -> None:
    if job.evaluate is not None:
        history.dev.append(job.evaluate())
    by_dev = config.select == "best-dev" and bool(history.dev)
    best = history.dev.index(max(history.dev)) if by_dev else len(history.loss) - 1
    history.kept = best + 1
    if history.kept == len(history.loss):
        checkpoint.keep()
