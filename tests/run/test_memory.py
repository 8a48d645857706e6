"""The peak is found, however it is measured, and holds nothing of before."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from kpframework.run import memory
from kpframework.run.memory import PeakMemory, with_peak_memory
from kpframework.run.step import StepContext

BIG, SMALL = 200_000_000, 60_000_000
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="only Linux tells what is resident"
)


def touch(size: int) -> None:
    """Hold so many bytes for longer than two samples are apart."""
    block = np.ones(size // 8)
    time.sleep(0.05)
    del block


@pytest.mark.parametrize("reset", [True, False])
def test_memory_that_is_given_back_counts_and_that_of_before_does_not(reset: bool) -> None:
    touch(BIG)
    before = memory.resident()
    assert before is not None
    with PeakMemory(reset=reset) as peak:
        touch(SMALL)
    assert peak.process is not None
    assert before + 0.8 * SMALL < peak.process < before + 0.8 * BIG


def test_a_mark_that_cannot_be_reset_is_replaced_by_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    touch(BIG)
    before = memory.resident()
    assert before is not None
    monkeypatch.setattr(memory, "_reset_mark", lambda: False)
    with PeakMemory() as peak:
        touch(SMALL)
    assert peak.process is not None
    assert peak.process < before + 0.8 * BIG


def test_a_system_that_tells_nothing_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    monkeypatch.setattr(memory, "_usage", lambda: None)
    with PeakMemory() as peak:
        touch(SMALL)
    assert peak.process is None


def test_a_step_that_fails_fails_as_it_did_and_its_sampler_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_reset_mark", lambda: False)
    samplers = []

    class Watched(PeakMemory):
        def __exit__(self, *error: object) -> None:
            super().__exit__(*error)
            samplers.append(self._sampler.is_alive())

    monkeypatch.setattr(memory, "PeakMemory", Watched)

    def fails(context: StepContext) -> dict[str, int]:
        raise ValueError("as before")

    with pytest.raises(ValueError, match="as before"):
        with_peak_memory(fails)(None)  # type: ignore[arg-type]
    assert samplers == [False]


def test_the_facts_of_a_step_are_kept() -> None:
    facts = with_peak_memory(lambda context: {"seconds": 1})(None)  # type: ignore[arg-type]
    assert facts["seconds"] == 1
    assert set(facts["memory"]) == {"process", "accelerator"}  # type: ignore[arg-type]


def test_an_accelerators_peak_is_that_of_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cuda:
        """Counts as torch does: the most since the last reset."""

        most = 9

        def reset_peak_memory_stats(self) -> None:
            self.most = 0

        def max_memory_allocated(self) -> int:
            return self.most

    cuda = Cuda()
    monkeypatch.setattr(memory, "_cuda", lambda: cuda)
    with PeakMemory() as idle:
        pass
    with PeakMemory() as busy:
        cuda.most = 5
    assert (idle.accelerator, busy.accelerator) == (None, 5)
