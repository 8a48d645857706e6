"""How much memory a step needed at most.

*Process*: the largest resident set of the whole process while the step ran, in bytes. It holds the
interpreter, the libraries and what earlier steps have left beside what the step itself needed, so
it is what a machine must have, not what a method adds. Linux keeps the mark itself and lets it be
reset; elsewhere, and where resetting is not allowed, the resident set is sampled, and a peak
between two samples is missed unless it is the process's highest so far. None where the system
tells neither.

*Accelerator*: the most that torch had allocated on the current CUDA device, in bytes; None where it
had allocated nothing. The CUDA context and the allocator's unused reserve are not counted.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kpframework.run.step import JSON, StepContext

Action = Callable[[StepContext], Mapping[str, JSON]]
_SAMPLE_SECONDS = 0.01
_PROC = Path("/proc/self")


def with_peak_memory(action: Action) -> Action:
    """Return an action that adds ``memory`` to the facts: ``{"process": …, "accelerator": …}``."""

    def measured(context: StepContext) -> Mapping[str, JSON]:
        with PeakMemory() as peak:
            facts = action(context)
        return {**facts, "memory": {"process": peak.process, "accelerator": peak.accelerator}}

    return measured


class PeakMemory:
    """Measures while a ``with`` block runs; `process` and `accelerator` are set at its end."""

    process: int | None = None
    accelerator: int | None = None

    def __init__(self, *, reset: bool = True) -> None:
        """Measure by the system's mark, or by samples without ``reset``."""
        self._reset = reset

    def __enter__(self) -> PeakMemory:
        self._exact = self._reset and _reset_mark()
        self._before = high_mark()
        self._highest = resident() or 0
        self._end = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        if not self._exact:
            self._sampler.start()
        cuda = _cuda()
        if cuda is not None:
            cuda.reset_peak_memory_stats()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        mark = high_mark()
        if not self._exact:
            self._sampler.join()
            self._highest = max(self._highest, resident() or 0)
            # Without a reset the mark tells of this block only where the block has raised it.
            raised = mark is not None and self._before is not None and mark > self._before
            mark = max(mark or 0, self._highest) if raised else self._highest
        self.process = mark or None
        cuda = _cuda()
        self.accelerator = (int(cuda.max_memory_allocated()) or None) if cuda else None

    def _sample(self) -> None:
        while not self._end.wait(_SAMPLE_SECONDS):
            self._highest = max(self._highest, resident() or 0)


def resident() -> int | None:
    """Return the bytes of the process that are in memory now, or None where that is not told."""
    try:
        pages = int((_PROC / "statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def high_mark() -> int | None:
    """Return the most `resident` has been, in bytes, since the start or the last reset."""
    try:
        lines = (_PROC / "status").read_text("ascii", errors="replace").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return _usage()


def _usage() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _reset_mark() -> bool:
    """Set the system's mark to what is resident now; tell whether it did."""
    try:
        (_PROC / "clear_refs").write_text("5", "ascii")
        # A sandbox may take the write and ignore it.
        now, mark = resident(), high_mark()
    except OSError:
        return False
    return now is not None and mark is not None and mark <= now + (now >> 4)


def _cuda() -> Any:
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
