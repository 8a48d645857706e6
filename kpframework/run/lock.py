"""The lock: what pins a run, and what has moved since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kpframework.digest import canonical_json, content_digest, json_digest
from kpframework.errors import KpError, LockMismatch, Problem
from kpframework.run.record import installed_versions, package_versions, plugin_versions
from kpframework.run.row_plan import tails
from kpframework.run.step import Step
from kpframework.run.surroundings import Made, packages_at_work
from kpframework.spec.fields import input_values
from kpframework.spec.resolved import ResolvedSpec

FORMAT = 3
_ANEW = "lock anew: kpframework lock SPEC -o kp.lock"

_PARTS = {
    "plugins": ("KP602", "plugin", "pip install '{name}=={old}'"),
    "packages": ("KP603", "package", "pip install '{name}=={old}'"),
    "data": ("KP604", "data", "restore the data that was locked, or lock anew"),
    "licences": ("KP605", "licence of", "read the new licence, then lock anew"),
    "entries": ("KP606", "what pins", "restore the release that was locked, or lock anew"),
    "steps": ("KP607", "step", _ANEW),
}


def make_lock(
    resolved: ResolvedSpec,
    steps: Sequence[Step],
    metrics: Mapping[str, Mapping[str, Any]] | None = None,
    made: Mapping[str, Made] | None = None,
) -> dict[str, Any]:
    """Return what pins the run of a spec, as JSON.

    Args:
        resolved: the spec.
        steps: its plan's.
        metrics: results of finished steps by name; licence ids and releases of knowledge bases
            come from there.
        made: the surroundings in which finished steps were made, by name: what made them is
            pinned, not what is installed.

    Raises:
        KpError: ``KP501``, a file that a step reads is missing.
    """
    metrics = metrics or {}
    return {
        "format": FORMAT,
        "spec": json_digest(_content(resolved, steps)),
        "plugins": plugin_versions(resolved.components()),
        **packages_at_work(package_versions(resolved.components()), made or {}),
        "data": {
            tail: content_digest(path)
            for path, tail in tails(path for step in steps for path in step.files).items()
        },
        "licences": _facts("licence", steps, metrics),
        # For people, both: releases are told by the hashes of the data, and what packages require
        # in turn by them, with other names on another system.
        "installed": installed_versions(resolved.components()),
        "releases": _facts("release", steps, metrics),
        "entries": _entries(resolved),
        "steps": {step.name: step.key for step in steps},
    }


def _facts(
    name: str, steps: Sequence[Step], metrics: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Return what finished steps say under a name, where they say something."""
    found = {step.name: metrics.get(step.name, {}).get(name) for step in steps}
    return {step: str(value) for step, value in found.items() if value is not None}


def read_lock(path: Path) -> dict[str, Any]:
    """Read a lock.

    Raises:
        KpError: ``KP600``, it is missing or is no lock.
    """
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
        if lock["format"] != FORMAT or not all(isinstance(lock[part], dict) for part in _PARTS):
            raise ValueError(f"its format is not {FORMAT}")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise KpError(
            "KP600",
            f"{path} is not a lock: {error}",
            f"kpframework lock SPEC -o {path}",
        ) from error
    return dict(lock)


def check_lock(lock: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Compare a lock with what `make_lock` returns now.

    Licences and plugins' entries are compared where both name them: a lock made before a run
    knows fewer.

    Raises:
        LockMismatch: something moved; every difference is named (``KP601`` to ``KP607``).
    """
    problems: list[Problem] = []
    if lock["spec"] != current["spec"]:
        problems.append(Problem("KP601", "the spec is not the one that was locked", _ANEW))
    for part, (code, what, fix) in _PARTS.items():
        if part == "steps" and problems:
            break  # what was named above moves their keys: naming them too would hide it
        for name, old, new in _moved(lock[part], current[part]):
            if part in {"licences", "entries"} and None in {old, new}:
                continue
            message = f"{what} {name}: {_short(old)} in the lock, {_short(new)} here"
            advice = _ANEW if old is None else fix.format(name=name, old=old)
            if part == "plugins" and " source:" in f"{old}{new}":
                advice = "restore the source that was locked, or lock anew"
            problems.append(Problem(code, message, advice))
    if problems:
        raise LockMismatch.of(problems)


def _moved(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterable[tuple[str, str | None, str | None]]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before != after:
            yield name, _text(before), _text(after)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else canonical_json(value)


def _short(value: str | None) -> str:
    if value is None:
        return "absent"
    return value[:12] if len(value) == 64 and set(value) <= set("0123456789abcdef") else value


def _content(resolved: ResolvedSpec, steps: Sequence[Step]) -> Any:
    """Return the filled spec without what changes no result: places of files, words for people."""
    content = resolved.filled()
    for name in ("$schema", "description", "executor", "trackers"):
        content.pop(name, None)
    places = {str(path): path.name for step in steps for path in step.files}
    for component in resolved.components():
        places |= {path: Path(path).name for _, path, _ in input_values(component.config)}

    def without_places(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: without_places(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [without_places(item) for item in value]
        return places.get(value, value) if isinstance(value, str) else value

    return without_places(content)


def _entries(resolved: ResolvedSpec) -> dict[str, Any]:
    """Return what the plugins in use pin themselves; one that fails is named as such."""
    used = {component.registered.plugin for component in resolved.components()}
    entries: dict[str, Any] = {}
    for plugin, result in resolved.registry.call("kp_lock_entries"):
        if plugin not in used:
            continue
        try:
            if isinstance(result, BaseException):
                raise result
            entries[plugin] = json.loads(canonical_json(result))
        except (Exception, SystemExit) as error:
            entries[plugin] = {"failed": f"{type(error).__name__}: {error}"}
    return entries
