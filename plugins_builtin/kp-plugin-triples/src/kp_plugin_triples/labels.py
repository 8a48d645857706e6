"""Reads names of entities: JSON or TSV."""

import bz2
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from kpframework import KpError
from kpframework.api import Entity

_OPENERS = {".gz": gzip.open, ".bz2": bz2.open}


def read_labels(path: Path, id_field: str | None) -> Iterator[Entity]:
    """Yield an entity for each label.

    Raises:
        KpError: KP427 the file or a record of it is malformed.
    """
    if ".json" in path.suffixes:
        for key, record in _json(path).items():
            yield _entity(path, key, record, id_field)
        return
    for number, fields in _lines(path):
        if len(fields) != 2:
            raise _malformed(path, f"{len(fields)} columns instead of 2: id, label", number)
        yield Entity(fields[0], fields[1])


def read_aliases(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (id, aliases) for each line that has an alias.

    Raises:
        KpError: KP427 a line has no id.
    """
    for number, (id_, *aliases) in _lines(path):
        if not id_:
            raise _malformed(path, "a line without an id", number)
        if any(aliases):
            yield id_, tuple(alias for alias in aliases if alias)


def _json(path: Path) -> Mapping[str, Any]:
    try:
        with _open(path) as file:
            labels = json.load(file)
    except (ValueError, OSError, EOFError) as error:
        raise _malformed(path, str(error)) from error
    if not isinstance(labels, dict):
        raise _malformed(path, "not a JSON object of id to label")
    return labels


def _entity(path: Path, key: str, record: Any, id_field: str | None) -> Entity:
    if isinstance(record, str) and id_field is None:
        return Entity(key, record)
    known = record if isinstance(record, dict) else {}
    id_ = key if id_field is None else known.get(id_field)
    name, description = known.get("label"), known.get("description") or ""
    aliases = known.get("alternatives") or []
    texts = [id_, name, description, *(aliases if isinstance(aliases, list) else [None])]
    if not id_ or not all(isinstance(text, str) for text in texts):
        raise _malformed(path, f"{key!r} is no text, and no object with a text as 'label'")
    return Entity(id_, name, tuple(aliases), description=description)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n").split("\t")
    except (ValueError, OSError, EOFError) as error:
        raise _malformed(path, str(error)) from error


def _open(path: Path) -> IO[str]:
    opener = _OPENERS.get(path.suffix)
    return opener(path, "rt", encoding="utf-8") if opener else path.open(encoding="utf-8")


def _malformed(path: Path, message: str, line: int | None = None) -> KpError:
    where = str(path) if line is None else f"{path}:{line}"
    return KpError("KP427", f"malformed labels: {message}", "correct the file", where)
