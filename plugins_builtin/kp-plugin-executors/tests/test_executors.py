"""The executors, with work that dies, raises and sleeps when it is told to."""

import os
import time

import pytest
from kp_plugin_executors.config import LocalConfig, SerialConfig
from kp_plugin_executors.local import LocalExecutor
from kp_plugin_executors.serial import SerialExecutor

from kpframework import KpError
from kpframework.api import Context


def local(**options):
    return LocalExecutor(LocalConfig(**{"workers": 2, **options}), Context())


def serial():
    return SerialExecutor(SerialConfig(), Context())


SHARDS = [{"number": number} for number in range(12)]
SQUARES = {number: {"square": number**2} for number in range(12)}


@pytest.mark.parametrize("make", [local, serial])
def test_every_shard_is_done_once_and_told_by_its_index(work, tmp_path, make):
    found = list(make().map(work, SHARDS))
    assert len(found) == len(SHARDS)
    assert dict(found) == SQUARES
    assert sorted(p.read_text() for p in tmp_path.glob("done-*")) == ["x"] * 12


def test_a_worker_killed_ten_times_loses_nothing_and_doubles_nothing(work, tmp_path):
    for number in range(10):
        (tmp_path / f"die-{number}").touch()
    found = list(local(retries=10).map(work, SHARDS))
    assert not list(tmp_path.glob("die-*"))
    assert len(found) == len(SHARDS)
    assert dict(found) == SQUARES
    assert [(tmp_path / f"done-{n}").read_text() for n in range(12)] == ["x"] * 12


@pytest.mark.parametrize(("retries", "times"), [(0, 1), (2, 3)])
def test_a_shard_that_no_worker_survives_is_given_up_after_its_retries(work, retries, times):
    shards = [{"number": 0, "what": "exit"}]
    with pytest.raises(KpError, match=f"died {times} times, last with exit code 3") as caught:
        list(local(retries=retries).map(work, shards))
    assert caught.value.code == "KP841"


@pytest.mark.parametrize("make", [local, serial])
def test_what_a_shard_raises_is_raised_here_and_not_tried_again(work, make):
    with pytest.raises(KpError) as caught:
        list(make().map(work, [{"number": 0, "what": "error"}]))
    problem = caught.value.problems[0]
    assert (problem.code, problem.fix, problem.where) == ("KP900", "own fix", "a:1")
    with pytest.raises(KpError, match="ValueError: no such luck") as caught:
        list(make().map(work, [{"number": 0, "what": "raise"}]))
    assert caught.value.code == "KP840"


def test_workers_are_gone_when_the_iterator_is_closed(work, tmp_path):
    outcomes = local().map(work, [{"number": 0}, {"number": 1, "what": "sleep"}])
    assert next(outcomes) == (0, {"square": 0})
    end = time.monotonic() + 60
    while not (asleep := list(tmp_path.glob("asleep-*"))):
        assert time.monotonic() < end
        time.sleep(0.01)
    outcomes.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(asleep[0].name.partition("-")[2]), 0)


def test_nothing_is_started_where_there_is_nothing_to_do(work):
    assert list(local().map(work, [])) == []
    assert list(serial().map(work, [])) == []
