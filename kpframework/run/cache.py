"""Finished steps, each in a folder named by its key; safe for several processes without locks."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpframework import owner
from kpframework.digest import cache_root, canonical_json
from kpframework.errors import KpError
from kpframework.locking import exclusive
from kpframework.run.manifest import MANIFEST, Manifest, settle
from kpframework.run.step import Step
from kpframework.writing import sync

Fill = Callable[[Path, Path], Mapping[str, Any]]
"""Given an empty output folder and the scratch folder, writes the former and returns metrics."""

Notify = Callable[[str], None]
"""Given one line for the user."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


class CacheWarning(UserWarning):
    """A cached step is damaged; it will be made anew."""


def _warn(text: str) -> None:
    warnings.warn(text, CacheWarning, stacklevel=3)


@dataclass(frozen=True)
class Entry:
    """A finished step."""

    folder: Path
    manifest: Manifest
    reused: bool
    """Whether it was there already."""


class Cache:
    """Folders ``ROOT/KIND/KEY[:2]/KEY`` with a `Manifest` each.

    A folder is filled under a private name, brought to the disk, then renamed; so it is complete
    or absent. Where another process was first, its folder is used: equal keys mean equal results.

    Args:
        root: None takes ``KPFRAMEWORK_CACHE``, or ``~/.cache/kpframework``.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = Path(root) if root is not None else cache_root()

    def folder(self, step: Step) -> Path:
        """Return where the step lies once it is finished."""
        return self.root / step.kind / step.key[:2] / step.key

    def open(self, step: Step, *, verify: bool = False, notify: Notify = _warn) -> Entry | None:
        """Return the finished step, or None if it is absent or damaged.

        Args:
            step: what to look for.
            verify: compare every file's sha256, not its size alone.
            notify: told when it is damaged; issues a `CacheWarning` by default.
        """
        folder = self.folder(step)
        entry, problem = _read(folder, step.key, verify)
        if problem:
            notify(f"{folder} is damaged, it is made anew: {problem}")
        return entry

    def build(
        self,
        step: Step,
        fill: Fill,
        *,
        made_in: Callable[[], Mapping[str, Any]] = dict,
        verify: bool = False,
        notify: Notify = _warn,
    ) -> Entry:
        """Return the finished step; make it if it is absent or damaged.

        Args:
            step: what to make.
            fill: makes it.
            made_in: tells its surroundings, once it is made.
            verify: compare what is there by sha256 before it is reused.
            notify: told when the folder is damaged, and when another process makes the same step.

        Raises:
            KpError: ``KP502`` the disk is full or cannot be written, ``KP504`` a metric is not a
                finite JSON value, ``KP505`` an output is no ordinary file.
        """
        entry = self.open(step, verify=verify, notify=notify)
        if entry is not None:
            return entry
        target = self.folder(step)
        with _disk_errors(target, every=True):
            target.parent.mkdir(parents=True, exist_ok=True)
        lock = target.with_name(f".{step.key}.lock")
        with ExitStack() as held:
            with _disk_errors(target, every=True):
                held.enter_context(
                    exclusive(lock, lambda: notify(f"{step.name}: another process makes it"))
                )
            entry, _ = _read(target, step.key, verify)
            return entry or self._make(step, fill, made_in, target, verify)

    def sweep(self) -> None:
        """Remove what dead processes left behind; scratch of unfinished steps is kept."""
        for shard in self.root.glob("*/??"):
            _sweep(shard)

    def _make(
        self,
        step: Step,
        fill: Fill,
        made_in: Callable[[], Mapping[str, Any]],
        target: Path,
        verify: bool,
    ) -> Entry:
        began = time.perf_counter()
        _sweep(target.parent)
        output = owner.aside(target)
        scratch = self._claim_scratch(target)
        try:
            with _disk_errors(target):
                output.mkdir()
                metrics = _plain(fill(output, scratch), step)
                manifest = Manifest(
                    key=step.key,
                    kind=step.kind,
                    name=step.name,
                    params=_plain(step.params, step),
                    inputs={name: other.key for name, other in step.inputs.items()},
                    sources=step.file_digests,
                    files=settle(output),
                    seconds=time.perf_counter() - began,
                    metrics=metrics,
                    made_in=_plain(made_in(), step),
                )
                manifest.write(output)
                sync(output)
                entry = self._publish(output, target, manifest, verify)
        except BaseException:
            shutil.rmtree(output, ignore_errors=True)
            # Another attempt's scratch may lie there already: one is enough.
            with _ignored():
                scratch.rename(target.with_name(f".{step.key}.scratch"))
            raise
        for path in (scratch, *_spare_scratch(target)):
            shutil.rmtree(path, ignore_errors=True)
        return entry

    def _publish(self, output: Path, target: Path, manifest: Manifest, verify: bool) -> Entry:
        while True:
            try:
                output.rename(target)
            except OSError as error:
                if error.errno not in {errno.EEXIST, errno.ENOTEMPTY, errno.EACCES}:
                    raise
                if not target.exists():
                    if error.errno == errno.EACCES:
                        raise
                    continue
            else:
                with _ignored():  # at worst the folder is absent after a power cut
                    sync(target.parent)
                return Entry(target, manifest, reused=False)
            entry, _ = _read(target, manifest.key, verify)
            if entry is not None:
                shutil.rmtree(output, ignore_errors=True)
                return entry
            self._discard(target, manifest.key, verify)

    def _discard(self, target: Path, key: str, verify: bool) -> None:
        """Move a damaged folder out of the way, and put it back if it was mended meanwhile."""
        aside = target.with_name(f".{key}.bad.{owner.tag()}")
        with _ignored():
            target.rename(aside)
            if _read(aside, key, verify)[0] is not None:
                with _ignored():
                    aside.rename(target)
            shutil.rmtree(aside, ignore_errors=True)

    def _claim_scratch(self, target: Path) -> Path:
        """Return this process's scratch folder; the newest one left behind, if there is any."""
        mine = target.with_name(f".{target.name}.scratch.{owner.tag()}")
        for path in sorted(_spare_scratch(target), key=_changed, reverse=True):
            with _ignored():
                path.rename(mine)
                return mine
        with _disk_errors(target, every=True):
            mine.mkdir()
        return mine


def _read(folder: Path, key: str, verify: bool) -> tuple[Entry | None, str]:
    """Return the entry, or what is wrong with it; neither if there is none."""
    try:
        manifest = Manifest.read(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None, f"{MANIFEST} is missing" if folder.exists() else ""
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return None, f"{MANIFEST}: {error}"
    if manifest.key != key:
        return None, "it is another step's"
    problem = manifest.problem(folder, verify=verify)
    return (None, problem) if problem else (Entry(folder, manifest, reused=True), "")


def _sweep(shard: Path) -> None:
    for path in shard.glob(".*.*"):
        _, key, what, *_ = path.name.split(".")
        spent = what in {"tmp", "bad"} or (what == "scratch" and (shard / key).exists())
        if spent and _left_behind(path):
            shutil.rmtree(path, ignore_errors=True)


def _plain(value: Mapping[str, Any], step: Step) -> dict[str, Any]:
    """Return metrics or params as they will be read again: lists for tuples, dicts for mappings."""
    try:
        plain: dict[str, Any] = json.loads(canonical_json(value))
    except (ValueError, TypeError) as error:
        raise KpError("KP504", f"what {step.name} returns is no finite JSON: {error}") from error
    return plain


def _spare_scratch(target: Path) -> list[Path]:
    """Return the step's scratch folders that no process is at work on."""
    return [p for p in target.parent.glob(f".{target.name}.scratch*") if _left_behind(p)]


def _left_behind(path: Path) -> bool:
    tag = path.name.split(".", 3)[3:]
    return not tag or not owner.is_alive(tag[0], path)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@contextmanager
def _ignored() -> Iterator[None]:
    """Let go of a step that another process took first."""
    try:
        yield
    except OSError:
        return


@contextmanager
def _disk_errors(target: Path, *, every: bool = False) -> Iterator[None]:
    """Turn a full or unwritable disk into a `KpError` with the place and the space left.

    ``every`` is for blocks in which nothing but the cache itself touches the disk.
    """
    try:
        yield
    except KpError:
        raise
    except Exception as error:
        number = _errno(error)
        name = str(getattr(error, "filename", None) or "")
        ours = every or (isinstance(error, PermissionError) and name.startswith(str(target.parent)))
        if number not in _FULL and not (number and ours):
            raise
        raise KpError(
            "KP502",
            f"cannot write {name or target}: {os.strerror(number)}{_space(target)}",
            "free some space, or set KPFRAMEWORK_CACHE to a folder on another disk; "
            "what is finished is kept",
        ) from error


def _errno(error: BaseException) -> int:
    """Return the system's error number; libraries in Rust have it only in their text."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    match = re.search(r"\(os error (\d+)\)", str(error))
    return int(match[1]) if match else 0


def _space(path: Path) -> str:
    for folder in path.parents:
        with _ignored():
            return f" ({shutil.disk_usage(folder).free:,} bytes free)"
    return ""
