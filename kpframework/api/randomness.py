"""torch's global generators: what draws from them here leaves them as a caller had them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_generators(seed: int | None = None) -> Iterator[None]:
    """Restore the generators of the CPU, and of every CUDA device if CUDA is in use, at the end.

    Args:
        seed: given to all of them at the start; None leaves that to the block.
    """
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
