"""A cached folder is complete and right, or absent, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kpframework.errors import KpError
from kpframework.run import cache as cache_module
from kpframework.run.cache import Cache, CacheWarning
from kpframework.run.manifest import MANIFEST, Manifest
from kpframework.run.step import Step

from .conftest import MakeStep

STEP = Step(name="s", kind="test", params={"n": 1}, action=lambda context: {})

RACER = """
import random, sys, time
from pathlib import Path
from kpframework import locking
locking.flock = lambda *arguments: None
from kpframework.run.cache import Cache
from kpframework.run.step import Step

root, start, rounds = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
cache = Cache(root)
time.sleep(max(0, start - time.time()))
for number in range(rounds):
    step = Step("s", "race", {"n": number}, lambda context: {})
    def fill(output, scratch):
        scratch.joinpath("mark").touch()
        for part in range(3):
            (output / f"{part}.bin").write_bytes(bytes([number]) * 5000)
            time.sleep(random.random() / 500)
        return {"n": number}
    entry = cache.build(step, fill)
    assert entry.manifest.metrics == {"n": number}
    assert not entry.manifest.problem(entry.folder, verify=True)
"""

KILLED = """
import sys, time
from pathlib import Path
from kpframework.run.cache import Cache
from kpframework.run.step import Step

def fill(output, scratch):
    (output / "half").write_text("half")
    with (scratch / "progress").open("a") as log:
        log.write("x")
    print("ready", flush=True)
    time.sleep(60)
    return {}

Cache(Path(sys.argv[1])).build(Step("s", "test", {"n": 1}, lambda context: {}), fill)
"""


def fill(output: Path, scratch: Path) -> Mapping[str, Any]:
    (output / "sub").mkdir()
    (output / "sub" / "data.bin").write_bytes(b"0123456789" * 20)
    return {"score": 0.1 + 0.2}


def refuse(output: Path, scratch: Path) -> Mapping[str, Any]:
    raise AssertionError("made again")


def left(cache: Cache) -> list[Path]:
    """Return everything beside finished steps."""
    return [p for p in (cache.root / "test").glob("*/.*") if not p.name.endswith(".lock")]


def test_a_finished_step_is_found_with_its_metrics(cache: Cache) -> None:
    assert cache.open(STEP) is None
    made = cache.build(STEP, fill)
    assert not made.reused
    again = cache.build(STEP, refuse, verify=True)
    assert again.reused
    assert again.folder == cache.root / "test" / STEP.key[:2] / STEP.key
    assert again.manifest == made.manifest
    assert again.manifest.metrics == {"score": 0.1 + 0.2}
    assert list(again.manifest.files) == ["sub/data.bin"]
    assert left(cache) == []


def test_a_manifest_says_what_a_step_was_made_from(cache: Cache, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("1")
    step = Step("t", "test", {"a": (1, 2)}, lambda c: {}, {"x": STEP}, (source,))
    content = json.loads((cache.build(step, fill).folder / MANIFEST).read_text())
    assert content["inputs"] == {"x": STEP.key}
    assert content["params"] == {"a": [1, 2]}
    assert content["key"] == step.key
    assert content["sources"] == list(step.file_digests)


@pytest.mark.parametrize("locked", [True, False])
def test_a_failed_step_leaves_nothing_but_its_scratch(cache: Cache, locked: bool) -> None:
    def fail(output: Path, scratch: Path) -> Mapping[str, Any]:
        (output / "half").touch()
        (scratch / "checkpoint").write_text("kept")
        raise KeyboardInterrupt if locked else RuntimeError

    with pytest.raises((KeyboardInterrupt, RuntimeError)):
        cache.build(STEP, fail)
    assert cache.open(STEP) is None
    assert [p.name for p in left(cache)] == [f".{STEP.key}.scratch"]
    seen = []

    def resume(output: Path, scratch: Path) -> Mapping[str, Any]:
        seen.append((scratch / "checkpoint").read_text())
        return {}

    cache.build(STEP, resume)
    assert seen == ["kept"]
    assert left(cache) == []


def test_kill_minus_nine_leaves_the_cache_usable_and_the_scratch_kept(cache: Cache) -> None:
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(cache.root)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert cache.open(STEP) is None
        assert any(".tmp." in p.name for p in left(cache))
    seen = []

    def resume(output: Path, scratch: Path) -> Mapping[str, Any]:
        seen.append((scratch / "progress").read_text())
        return {}

    cache.build(STEP, resume)
    assert seen == ["xx"]
    assert left(cache) == []


def test_a_live_process_keeps_its_scratch_and_temporary_folder(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpframework.locking.flock", lambda *arguments: None)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(cache.root)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        def look(output: Path, scratch: Path) -> Mapping[str, Any]:
            assert list(scratch.iterdir()) == []
            return {}

        cache.build(STEP, look)
        assert {p.name.split(".")[2] for p in left(cache)} == {"scratch", "tmp"}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_eight_processes_without_locks_leave_one_right_entry_a_key(cache: Cache) -> None:
    rounds = 6
    start = str(time.time() + 2)
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, str(cache.root), start, str(rounds)])
        for _ in range(8)
    ]
    assert [racer.wait(120) for racer in racers] == [0] * 8
    found = [p for p in (cache.root / "race").glob("*/*") if not p.name.startswith(".")]
    assert len(found) == rounds
    for folder in found:
        manifest = Manifest.read(folder)
        assert not manifest.problem(folder, verify=True)
        assert folder.name == manifest.key
    assert not [p for p in (cache.root / "race").glob("*/.*") if not p.name.endswith(".lock")]


def test_a_second_process_waits_and_reuses(cache: Cache) -> None:
    code = KILLED.replace("time.sleep(60)", "time.sleep(0.5)")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(cache.root)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    said: list[str] = []
    assert cache.build(STEP, refuse, notify=said.append).reused
    assert process.wait() == 0
    process.stdout.close()
    assert said == ["s: another process makes it"]


@pytest.mark.parametrize("damage", ["truncate", "remove", "manifest", "no manifest", "key"])
def test_a_damaged_entry_is_made_anew_with_a_warning(cache: Cache, damage: str) -> None:
    folder = cache.build(STEP, fill).folder
    data, manifest = folder / "sub" / "data.bin", folder / MANIFEST
    if damage == "truncate":
        data.write_bytes(data.read_bytes()[:-1])
    elif damage == "remove":
        data.unlink()
    elif damage == "manifest":
        manifest.write_text(manifest.read_text().replace("0.3", "0.4"))
    elif damage == "no manifest":
        manifest.unlink()
    else:
        other = cache.build(Step("o", "test", {"n": 2}, lambda c: {}), fill).folder
        shutil.copy(other / MANIFEST, manifest)
    with pytest.warns(CacheWarning, match="damaged"):
        assert not cache.build(STEP, fill).reused
    assert cache.open(STEP, verify=True) is not None
    assert left(cache) == []


def test_every_flipped_bit_is_found_by_verify(cache: Cache) -> None:
    folder = cache.build(STEP, fill).folder
    missed = []
    for path in (folder / MANIFEST, folder / "sub" / "data.bin"):
        content = path.read_bytes()
        for place in range(len(content)):
            flipped = bytearray(content)
            flipped[place] ^= 1 << (place % 8)
            path.write_bytes(flipped)
            told: list[str] = []
            if cache.open(STEP, verify=True, notify=told.append) is not None or not told:
                missed.append((path.name, place))
        path.write_bytes(content)
    assert missed == []
    assert cache.open(STEP, verify=True) is not None


def test_an_added_file_is_found_by_verify(cache: Cache) -> None:
    (cache.build(STEP, fill).folder / "sub" / "more").touch()
    assert cache.open(STEP) is not None
    with pytest.warns(CacheWarning, match="more was added"):
        assert cache.open(STEP, verify=True) is None


def test_a_file_size_limit_gives_a_message_and_nothing_half_written(cache: Cache) -> None:
    def big(output: Path, scratch: Path) -> Mapping[str, Any]:
        (output / "big").write_bytes(bytes(100_000))
        return {}

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(KpError, match="bytes free") as caught:
            cache.build(STEP, big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.code == "KP502"
    assert str(cache.root) in str(caught.value)
    assert [p.name for p in left(cache)] == [f".{STEP.key}.scratch"]
    assert not cache.build(STEP, big).reused


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_at_any_write_leaves_nothing_half_written(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    count = [0]
    fail_at = 0

    def failing(real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            count[0] += 1
            if count[0] == fail_at:
                raise OSError(number, os.strerror(number))
            return real(*arguments, **options)

        return call

    for name in ("fsync", "mkdir", "rename"):
        monkeypatch.setattr(os, name, failing(getattr(os, name)))
    failures, codes = 0, set()
    while True:
        fail_at += 1
        count[0] = 0
        step = Step("s", "test", {"n": fail_at}, lambda context: {})
        try:
            cache.build(step, fill)
        except KpError as error:
            failures += 1
            codes.add(error.code)
        if count[0] < fail_at:
            break
        count[0] = -(10**6)
        entry = cache.build(step, fill)
        assert cache.open(step, verify=True) is not None
        Cache(cache.root).sweep()
        assert entry.manifest.files
        assert left(cache) == []
    assert failures >= 6
    assert codes == {"KP502"}


def test_a_rust_librarys_full_disk_is_understood(cache: Cache) -> None:
    def full(output: Path, scratch: Path) -> Mapping[str, Any]:
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    with pytest.raises(KpError, match="No space left"):
        cache.build(STEP, full)


def test_a_missing_file_of_the_steps_own_is_not_blamed_on_the_cache(cache: Cache) -> None:
    def missing(output: Path, scratch: Path) -> Mapping[str, Any]:
        return {"text": (output / "absent").read_text()}

    with pytest.raises(FileNotFoundError):
        cache.build(STEP, missing)


def test_a_cache_root_that_is_a_file_gives_a_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KpError, match="KPFRAMEWORK_CACHE") as caught:
        Cache(tmp_path / "file").build(STEP, fill)
    assert caught.value.code == "KP502"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_metrics_that_are_no_finite_json_are_refused(cache: Cache, value: Any) -> None:
    with pytest.raises(KpError) as caught:
        cache.build(STEP, lambda output, scratch: {"loss": value})
    assert caught.value.code == "KP504"
    assert cache.open(STEP) is None


@pytest.mark.parametrize("name", ["link", MANIFEST])
def test_links_and_a_manifest_of_ones_own_are_refused(cache: Cache, name: str) -> None:
    def bad(output: Path, scratch: Path) -> Mapping[str, Any]:
        (output / name).symlink_to(__file__)
        return {}

    with pytest.raises(KpError) as caught:
        cache.build(STEP, bad)
    assert caught.value.code == "KP505"


def test_sweep_keeps_the_scratch_of_unfinished_steps_only(cache: Cache) -> None:
    shard = cache.build(STEP, fill).folder.parent
    dead = "0.1.2.machine-that-is-gone"
    for name in (f"{STEP.key}.scratch", f"{STEP.key}.tmp.{dead}", "other.bad.", "other.scratch"):
        path = shard / f".{name}"
        path.mkdir()
        os.utime(path, (1, 1))
    cache.sweep()
    assert [p.name for p in left(cache)] == [".other.scratch"]


def test_losing_the_race_uses_the_winners_folder(cache: Cache, make_step: MakeStep) -> None:
    def slow(output: Path, scratch: Path) -> Mapping[str, Any]:
        winner = output.with_name("winner")
        shutil.copytree(cache.build(make_step(value="y"), fill).folder, winner)
        text = (winner / MANIFEST).read_text()
        manifest = Manifest.read(winner)
        assert text
        other = Manifest(**{**vars(manifest), "key": STEP.key, "metrics": {"winner": True}})
        other.write(winner)
        winner.rename(cache.folder(STEP))
        return {"winner": False}

    entry = cache.build(STEP, slow)
    assert entry.reused
    assert entry.manifest.metrics == {"winner": True}
    assert left(cache) == []


def test_a_damaged_folder_that_was_mended_meanwhile_is_put_back(cache: Cache) -> None:
    folder = cache.build(STEP, fill).folder
    cache._discard(folder, STEP.key, verify=True)
    assert cache.open(STEP, verify=True) is not None
    assert cache_module._read(folder, STEP.key, True)[0] is not None
    assert left(cache) == []
