"""Trackers watch a run and cannot stop it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kpframework.api import Tracker
from kpframework.run.tracking import Trackers


class Writes(Tracker):
    def __init__(self, seen):
        super().__init__(None, None)
        self.seen = seen

    def step_done(self, step):
        self.seen.append(step["name"])

    def run_failed(self, reason):
        self.seen.append(f"failed: {reason}")


class FailsAtOnce(Tracker):
    def step_done(self, step):
        raise OSError("no server\nat localhost")


def bound(kind, tracker):
    def create(context):
        if isinstance(tracker, Exception):
            raise tracker
        return tracker

    return SimpleNamespace(type=kind, create=create)


def test_a_tracker_that_fails_is_reported_once_and_the_others_see_every_step():
    seen, warnings = [], []
    broken = bound("broken", FailsAtOnce(None, None))
    trackers = Trackers([broken, bound("writes", Writes(seen))], warnings.append)
    for name in ("host", "train"):
        trackers.call("step_done", {"name": name})
    assert seen == ["host", "train"]
    (warning,) = warnings
    assert "broken (trackers[0])" in warning
    assert "no server at localhost" in warning


def test_a_tracker_that_cannot_be_made_is_left_out():
    warnings = []
    trackers = Trackers([bound("gone", ImportError("no module"))], warnings.append)
    trackers.call("step_done", {"name": "host"})
    assert "no module" in warnings[0]


@pytest.mark.parametrize(
    ("error", "told"),
    [(ValueError("a step failed"), "a step failed"), (KeyboardInterrupt(), "KeyboardInterrupt")],
)
def test_an_error_or_an_interruption_is_told_and_goes_on(error, told):
    seen = []
    trackers = Trackers([bound("writes", Writes(seen))], [].append)
    with pytest.raises(type(error)), trackers.watching():
        raise error
    assert seen == [f"failed: {told}"]
