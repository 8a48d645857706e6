"""Names and values that every tool takes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_NAME = 230
LONGEST_VALUE = 5000
"""Characters; MLflow takes 250 of a name and 6,000 of a value."""


def name_of(*parts: str) -> str:
    """Return parts joined by ``/``, with ``_`` in the place of what MLflow refuses in a name.

    A part that is changed, and a name that is cut, gets the first eight digits of its sha256, so
    that two names never become one.
    """
    name = "/".join(_plain(part) for part in parts)
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}-{_digest(name)}"


def _plain(part: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_. /-]+", "_", part)
    # MLflow makes folders of what stands between slashes, and takes no path out of normal form.
    plain = "/".join(own.strip(". ") or "_" for own in plain.split("/"))
    return plain if plain == part else f"{plain}-{_digest(part)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def flat(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return a spec as paths and texts; an item of a list is named by its id, or else its index.

    The paths are those that ``--set`` takes: ``injections.map-task.train.lr``.
    """
    return {name_of(".".join(path)): _text(value) for path, value in _leaves(spec, ())}


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            own = item.get("id") if isinstance(item, Mapping) else None
            yield from _leaves(item, (*path, str(index if own is None else own)))
    else:
        yield path, value


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
