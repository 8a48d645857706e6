"""The names of plugins' commands for ``--help``, from the folders of the import path alone.

To import `importlib.metadata` and ask it takes as long as all the rest of ``--help``. What is not
a folder, such as a zip file, is left out here; its commands work all the same.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress

from kpframework.plugins.settings import allow_list, disabled_plugins

_SECTION = "[kpframework.commands]"
_HEADER = 8192
"""Bytes of a METADATA file in which name and summary stand."""


def command_summaries(taken: Collection[str]) -> list[tuple[str, str]]:
    """Return (name, one line) of each command that a plugin offers, sorted.

    Disabled plugins offer none, nor does one whose command has a name of kpframework's own, or of
    another plugin. Whether a plugin is compatible is told when its command is used.

    Args:
        taken: names of the commands of kpframework itself.

    Raises:
        KpError: the settings file cannot be read (KP207).
    """
    found = list(_found())
    if not found:
        return []
    disabled, allowed = disabled_plugins(), allow_list()
    wanted = [
        (name, summary)
        for distribution, name, summary in found
        if (key := f"{distribution}:{name}") not in disabled
        and (allowed is None or allowed & {name, distribution, key})
    ]
    count = Counter(name for name, _ in wanted)
    return sorted(own for own in wanted if count[own[0]] == 1 and own[0] not in taken)


def _found() -> Iterator[tuple[str, str, str]]:
    """Yield (distribution, command, summary); of two copies of a distribution, the first."""
    seen = set()
    for folder in dict.fromkeys(sys.path):
        here = []
        for info in _metadata_folders(folder or "."):
            text = _read(os.path.join(info, "entry_points.txt"))
            if _SECTION in text:
                here.append((*_name_and_summary(info), text))
        for distribution, summary, text in sorted(here):
            if distribution not in seen:
                seen.add(distribution)
                for name in _names(text):
                    yield distribution, name, summary or f"A command of {distribution}."


def _metadata_folders(folder: str) -> list[str]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [e.path for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
    return []


def _read(path: str, size: int = -1) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(size)
    except OSError:
        return ""


def _name_and_summary(info: str) -> tuple[str, str]:
    text = _read(os.path.join(info, "METADATA"), _HEADER) or _read(
        os.path.join(info, "PKG-INFO"), _HEADER
    )
    header = text.partition("\n\n")[0]
    fields = dict(re.findall(r"^(Name|Summary): *(.*)$", header, re.MULTILINE))
    return re.sub(r"[-_.]+", "-", fields.get("Name", "?")).lower(), fields.get("Summary", "")


def _names(entry_points: str) -> Iterator[str]:
    section = ""
    for line in map(str.strip, entry_points.splitlines()):
        if line.startswith("["):
            section = line
        elif section == _SECTION and "=" in line and line[0] not in "#;":
            yield line.partition("=")[0].strip()
