"""Which plugins the user wants: a settings file, and the allow-list of the environment."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kpframework.errors import KpError
from kpframework.writing import replacing

ALLOW_VARIABLE = "KPFRAMEWORK_PLUGINS"
"""Comma-separated plugins or distributions that may be used; empty: none; unset: all."""
CONFIG_VARIABLE = "KPFRAMEWORK_CONFIG"
"""Folder that holds the settings and what is remembered of plugins, instead of the user's own."""


def config_folder() -> Path:
    """Return the folder of the settings; it need not exist."""
    return _folder("XDG_CONFIG_HOME", ".config")


def cache_folder() -> Path:
    """Return the folder of what can be found out again; it need not exist."""
    return _folder("XDG_CACHE_HOME", ".cache")


def _folder(variable: str, default: str) -> Path:
    if own := os.environ.get(CONFIG_VARIABLE):
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get(variable) or str(Path.home() / default)
    return Path(base) / "kpframework"


def allow_list() -> frozenset[str] | None:
    """Return the plugins the environment allows, or None if it does not say."""
    value = os.environ.get(ALLOW_VARIABLE)
    if value is None:
        return None
    return frozenset(part.strip() for part in value.split(",") if part.strip())


def settings_file() -> Path:
    """Return the path of the settings file; it need not exist."""
    return config_folder() / "plugins.json"


def disabled_plugins() -> frozenset[str]:
    """Return the keys (``distribution:entry point``) of the plugins the user disabled.

    Raises:
        KpError: the settings file cannot be read (KP207).
    """
    path = settings_file()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        keys = content["disabled"]
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise TypeError("'disabled' is not a list of strings")
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KpError(
            "KP207", f"the settings file {path} cannot be read: {error}", f"rm '{path}'"
        ) from error
    return frozenset(keys)


def write_disabled(keys: Iterable[str]) -> None:
    """Replace the set of disabled plugins.

    Raises:
        KpError: the settings file cannot be written (KP207).
    """
    path = settings_file()
    try:
        write_json(path, {"version": 1, "disabled": sorted(keys)})
    except OSError as error:
        raise KpError(
            "KP207",
            f"the settings file {path} cannot be written: {error.strerror or error}",
            f"make {path.parent} writable, or set {CONFIG_VARIABLE} to another folder",
        ) from error


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file that is never seen half-written.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
