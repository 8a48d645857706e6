"""The speed of a map-tuning step and of an attached plugin, against the published step.

Every way of taking the step takes the same batches in turn, in one run, so that ratios hold on a
busy machine. With one thread the clock is the processor's (time the process really ran), with more
it is the wall's. Ours is the framework's own training loop, timed from outside, by its progress.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch
from prepare_wiki80 import WIKI80
from published_step import PublishedStep
from step_rig import BATCH, LENGTH, Rig, arguments, load_host, matmul_rate, needed_flops
from torch.nn.attention import SDPBackend, sdpa_kernel

from kpframework.api import Context, TrainConfig
from kpframework.api.context import Advance
from kpframework.inject.batch import ENTITIES
from kpframework.inject.freezing import dropout, fingerprint
from kpframework.train.data import EncodedSet
from kpframework.train.loop import fast_fp32
from kpframework.train.masked_lm import train_mention_masked_lm
from kpframework.train.masked_logits import masked_lm_loss, narrowable_blocks

Times = dict[str, dict[int, list[float]]]
"""Seconds of each way, by batch."""
OURS, PUBLISHED, SAME_BACKEND = "kpframework", "published", "published, same backend"


@contextmanager
def default_backend() -> Iterator[None]:
    """Multiply and attend as torch does unless told otherwise, inside our own settings too."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


@dataclass(frozen=True)
class Chosen(EncodedSet):
    """A data set whose epoch is the batches to be timed."""

    order: list[list[int]] = field(default_factory=list)

    def batches(self, size: int, seed: int, epoch: int) -> list[list[int]]:
        """Return them, whatever the seed."""
        return self.order


class Turns:
    """Times the loop's steps from outside and takes the other ways' steps between them.

    Args:
        clock: seconds.
        warm: leading steps that are not counted.
        between: called with the step's number after each of the loop's steps.
    """

    def __init__(
        self, clock: Callable[[], float], warm: int, between: Callable[[int], None]
    ) -> None:
        self.clock = clock
        self.warm = warm
        self.between = between
        self.seconds: list[float] = []

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Advance]:
        """Stand in for a progress bar."""
        start = done = 0.0

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal start, done
            if steps:
                done += steps
                if done > self.warm:
                    self.seconds.append(self.clock() - start)
                self.between(int(done) - 1)
            start = self.clock()

        yield advance


def time_steps(rig: Rig, args: Any, size: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Time every way of taking a step on the same batches in turn."""
    batches = rig.choose(size, args.steps)
    order = [batches[0], *batches * args.repeats]  # the first warms up
    published = _published(rig, args.dropout)
    times: Times = defaultdict(lambda: defaultdict(list))
    rates: list[float] = []

    def between(step: int) -> None:
        items = [rig.data.items[i] for i in order[step]]
        for name, backend in ((PUBLISHED, default_backend), (SAME_BACKEND, fast_fp32)):
            with backend():
                start = clock()
                published.step(items)
            if step:
                times[name][(step - 1) % args.steps].append(clock() - start)
        tokens = sum(len(item.input_ids) for item in items)
        rates.append(matmul_rate(rig.host.config, tokens, fast_fp32()))

    turns = Turns(clock, 1, between)
    data = Chosen(rig.data.items, rig.data.targets, rig.data.collate, order=order)
    config = TrainConfig(epochs=1, batch_size=size, lr=1e-4, select="last")
    module, before = rig.knowledge.module, fingerprint(rig.host)
    assert module is not None
    with tempfile.TemporaryDirectory() as scratch, dropout(rig.host, args.dropout):
        context = Context(scratch=Path(scratch), progress=turns.progress)
        train_mention_masked_lm(rig.host, module, data, config, context, "fp32")
    assert fingerprint(rig.host) == before
    for step, seconds in enumerate(turns.seconds):
        times[OURS][step % args.steps].append(seconds)
    total = {name: sum(median(own) for own in by.values()) for name, by in times.items()}
    flops = sum(needed_flops(rig.host.config, [rig.data.items[i] for i in b]) for b in batches)
    rate = median(rates)
    items = [rig.data.items[i] for batch in batches for i in batch]
    tokens = sum(len(item.input_ids) for item in items)
    return {
        "batch": size,
        "seconds a step": {name: total[name] / args.steps for name in sorted(total)},
        "ratio": total[PUBLISHED] / total[OURS],
        "ratio, same backend": total[SAME_BACKEND] / total[OURS],
        "GFLOP a step": flops / args.steps / 1e9,
        "GFLOP/s of products": rate / 1e9,
        "share of the limit": flops / rate / total[OURS],
        "real tokens of padded": tokens / (LENGTH * len(items)),
        "masked of real tokens": sum(len(item.targets) for item in items) / tokens,
        "times": times,
    }


def _published(rig: Rig, rate: float, dtype: torch.dtype = torch.float32) -> PublishedStep:
    return PublishedStep(
        rig.host,
        rig.mapper,
        rig.table,
        list(rig.table.ids),
        length=LENGTH,
        pad_id=rig.data.collate.pad_id,
        dropout=rate,
        dtype=dtype,
    )


def gradient_differences(rig: Rig, size: int) -> dict[str, float]:
    """Return relative differences of the mapper's gradients, in the Frobenius norm, at dropout 0.

    Both steps round, so each is also compared with the published one in float64.
    """
    batch = rig.choose(size, 1)[0]

    def theirs(dtype: torch.dtype) -> torch.Tensor:
        published = _published(rig, 0.0, dtype)
        published.backward([rig.data.items[i] for i in batch])
        return _gradient(published.mapper)

    rig.mapper.requires_grad_(True)
    blocks = narrowable_blocks(rig.host, rig.data.batch(batch[:8]))
    with fast_fp32():
        torch.autograd.backward(masked_lm_loss(rig.host, rig.data.batch(batch), blocks))
    ours, published, exact = _gradient(rig.mapper), theirs(torch.float32), theirs(torch.float64)
    rig.mapper.zero_grad()

    def difference(one: torch.Tensor, other: torch.Tensor) -> float:
        return float(torch.linalg.vector_norm(one - other) / torch.linalg.vector_norm(other))

    return {
        "ours, published": difference(ours, published),
        "ours, exact": difference(ours, exact),
        "published, exact": difference(published, exact),
    }


def _gradient(mapper: torch.nn.Module) -> torch.Tensor:
    gradients = [parameter.grad for parameter in mapper.parameters()]
    return torch.cat(
        [gradient.flatten().double() for gradient in gradients if gradient is not None]
    )


def inference_overhead(
    rig: Rig, bare: Any, size: int, rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return what an attached plugin adds to a forward pass over inputs of the same length."""
    inputs = rig.data.batch(rig.choose(size, 1)[0]).inputs
    same = {name: tensor for name, tensor in inputs.items() if name != ENTITIES}
    assert len(same) < len(inputs)
    times: dict[str, list[float]] = {"bare": [], "attached": []}
    ways = (("bare", bare, same), ("attached", rig.host, inputs))
    with torch.inference_mode(), fast_fp32():
        for turn in range(rounds + 3):
            for name, model, given in ways[:: 1 if turn % 2 else -1]:
                start = clock()
                model(**given)
                if turn >= 3:
                    times[name].append(clock() - start)
    milliseconds = {name: 1e3 * median(own) for name, own in times.items()}
    pairs = zip(times["attached"], times["bare"], strict=True)
    return {
        "batch": size,
        "length": inputs["input_ids"].shape[1],
        **milliseconds,
        "overhead": median(attached / plain for attached, plain in pairs) - 1,
    }


def report(size: str, result: dict[str, Any]) -> None:
    """Print one size's table."""
    step = result["step"]
    print(f"\n{size}, batch {step['batch']} x {LENGTH}, dropout {result['dropout']}")
    for name, seconds in step["seconds a step"].items():
        print(f"  {name:26}{seconds:8.3f} s a step")
    print(f"  {'faster than published':26}{step['ratio']:8.2f} x")
    print(f"  {'... given our backend':26}{step['ratio, same backend']:8.2f} x")
    print(
        f"  {'share of the limit':26}{step['share of the limit']:8.0%}   "
        f"({step['GFLOP a step']:.0f} GFLOP needed, {step['GFLOP/s of products']:.0f} GFLOP/s)"
    )
    for pair, difference in result["gradient differences"].items():
        print(f"  {'gradient: ' + pair:26}{difference:8.1e}   (dropout 0; exact: float64)")
    for one in result["inference"]:
        print(
            f"  inference, {one['batch']:2} x {one['length']:<12}{one['overhead']:8.1%}   "
            f"({one['bare']:.2f} ms bare, {one['attached']:.2f} ms attached)"
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    args = arguments(argv, (__doc__ or "").partition("\n")[0])
    if not (args.data / WIKI80).is_dir():
        print(f"nothing measured: {args.data / WIKI80} is missing", file=sys.stderr)
        return
    torch.set_num_threads(args.threads)
    clock = time.process_time if args.threads == 1 else time.perf_counter
    results: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "threads": args.threads,
        "load": os.getloadavg(),
    }
    for size in args.size or BATCH:
        batch = args.batch or BATCH[size]
        with tempfile.TemporaryDirectory() as folder:
            rig = Rig.build(size, "masked-lm", args.data, Path(folder))
            differences = gradient_differences(rig, batch)
            step = time_steps(rig, args, batch, clock)
            rig = Rig.build(size, "sequence-classification", args.data, Path(folder))
            bare = load_host(size, "sequence-classification")
            inference = [
                inference_overhead(rig, bare, 1, 300 if size == "minilm" else 60, clock),
                inference_overhead(rig, bare, 32, 20, clock),
            ]
        results[size] = {
            "dropout": args.dropout,
            "step": step,
            "gradient differences": differences,
            "inference": inference,
        }
        report(size, results[size])
    if args.out:
        temporary = args.out.with_name(f".{args.out.name}.{os.getpid()}")
        temporary.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        temporary.replace(args.out)


if __name__ == "__main__":
    main()
