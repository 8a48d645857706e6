"""Global generators: what draws from them here leaves them as a caller had them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def python_random_kept() -> Iterator[None]:
    """Restore the generator of `random` at the end: some libraries draw names and ids from it."""
    before = random.getstate()
    try:
        yield
    finally:
        random.setstate(before)


@contextmanager
def own_generators(seed: int | None = None) -> Iterator[None]:
    """Restore torch's generators, of the CPU and of CUDA devices where it is in use, at the end.

    Args:
        seed: given to all of them at the start; None leaves that to the block.
    """
    import torch

    # Asking a device for its generator makes a context there: none is asked before its time.
    begun = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count()) if begun else ()):
            if seed is not None:
                torch.manual_seed(seed)
            yield
    finally:
        if not begun:
            # A seed waits for CUDA to begin, and the last one given counts: the caller's again.
            torch.cuda.manual_seed_all(torch.initial_seed())
