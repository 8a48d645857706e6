"""What was found when a plugin was last loaded, so that listing it again need not load it.

A remembered result counts as long as nothing it depends on changed: the core, Python, the
installed files of the plugin, its declaring module, and for a failure whatever else is installed
beside it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kpframework import __version__
from kpframework.component import Component
from kpframework.plugins.records import PluginRecord
from kpframework.plugins.settings import cache_folder, write_json

KEPT = 500
"""Entries the file holds at most; several environments share it."""


def memory_file() -> Path:
    """Return the path of the file; it need not exist."""
    return cache_folder() / "plugins-loaded.json"


def recall(records: Iterable[PluginRecord]) -> tuple[list[PluginRecord], list[PluginRecord]]:
    """Fill in what is remembered.

    Returns:
        All records, filled in where something valid is remembered; and those with the state ``ok``
        of which nothing is.
    """
    memory = _read()
    filled, unknown = [], []
    for record in records:
        entry = memory.get(_place(record))
        known = _restore(record, entry) if entry else None
        if known is None and record.state == "ok":
            unknown.append(record)
        filled.append(known or record)
    return filled, unknown


def remember(records: Iterable[PluginRecord]) -> None:
    """Store the outcome of loads. A file that cannot be written is no error: it is a memory."""
    memory = _read()
    for record in records:
        memory.pop(_place(record), None)
        memory[_place(record)] = {
            "stamp": _stamp(record, record.state),
            "state": record.state,
            "reason": record.reason,
            "fix": record.fix,
            "note": record.note,
            "hung": record.hung,
            "hooks": list(record.hooks),
            "components": [
                asdict(replace(c, capabilities=dict(c.capabilities))) for c in record.components
            ],
        }
    with suppress(OSError, TypeError, ValueError):
        write_json(memory_file(), dict(list(memory.items())[-KEPT:]))


def holds(record: PluginRecord) -> bool:
    """Return whether what is remembered of a plugin, in its state, is of its files as they are."""
    entry = _read().get(_place(record))
    return isinstance(entry, dict) and entry.get("stamp") == _stamp(record, record.state)


def _read() -> dict[str, Any]:
    try:
        content = json.loads(memory_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _place(record: PluginRecord) -> str:
    return f"{record.key}@{record.location}"


def _restore(record: PluginRecord, entry: Mapping[str, Any]) -> PluginRecord | None:
    try:
        if entry["stamp"] != _stamp(record, entry["state"]):
            return None
        known = replace(
            record,
            components=tuple(Component(**c) for c in entry["components"]),
            hooks=tuple(entry["hooks"]),
        )
        if record.state != "ok":
            return known
        return replace(
            known,
            state=entry["state"],
            reason=entry["reason"],
            fix=entry["fix"],
            note=entry["note"],
            hung=entry["hung"],
            cached=True,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _stamp(record: PluginRecord, state: str) -> list[str | int]:
    modules = [module for module in (record.module, record.command_module) if module]
    stamp: list[str | int] = [__version__, sys.version, record.version, *modules]
    metadata = Path(record.location).glob(f"{record.distribution.replace('-', '?')}-*.dist-info")
    stamp += sorted(_modified(path / "RECORD") for path in metadata)
    stamp += [_modified(_source(module)) for module in modules]
    if state != "ok":
        # A failure may be cured by what is installed beside the plugin.
        # Anything may stand on the path, and only text is looked into.
        folders = [own for own in sys.path if isinstance(own, str) and own.endswith("-packages")]
        stamp += [_modified(Path(folder)) for folder in folders]
    return stamp


def _source(module: str) -> Path:
    """Return the file of a module without importing it or the packages it is in."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError, AttributeError):
        spec = None
    if spec is None or not spec.origin:
        return Path()
    if not rest:
        return Path(spec.origin)
    inner = Path(spec.origin).parent.joinpath(*rest)
    return inner / "__init__.py" if inner.is_dir() else inner.with_suffix(".py")


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
