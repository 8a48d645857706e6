"""torch's global generators: what draws from them here leaves them as a caller had them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_generators(seed: int | None = None) -> Iterator[None]:
    """Restore the generators of the CPU and of every CUDA device at the end.

    Args:
        seed: given to all of them at the start; None leaves that to the block.
    """
    # `torch.manual_seed` reaches every device, the present one or not.
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        if seed is not None:
            torch.manual_seed(seed)
        yield
