"""Reads names of entities: JSON or TSV."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kp_plugin_triples.text import undecodable
from kpframework import KpError
from kpframework.api import Entity, decoded_lines, read_json, unpacked_suffix


def read_labels(path: Path, id_field: str | None) -> Iterator[Entity]:
    """Yield an entity for each label.

    Raises:
        KpError: KP427 the file or a record of it is malformed.
    """
    if unpacked_suffix(path) == ".json":
        for key, record in _json(path).items():
            yield _entity(path, key, record, id_field)
        return
    for number, fields in _lines(path):
        if len(fields) != 2:
            raise _malformed(path, f"{len(fields)} columns instead of 2: id, label", number)
        if not all(fields):
            raise _malformed(path, "the id or the label is empty", number)
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
    labels = read_json(path, "KP427")
    if not isinstance(labels, dict):
        raise _malformed(path, "not a JSON object of id to label")
    return labels


def _entity(path: Path, key: str, record: Any, id_field: str | None) -> Entity:
    known = record if isinstance(record, dict) else {}
    if isinstance(record, str) and id_field is None:
        known = {"label": record}
    id_ = key if id_field is None else known.get(id_field)
    name, description = known.get("label"), known.get("description") or ""
    aliases = known.get("alternatives") or []
    texts = [id_, name, description, *(aliases if isinstance(aliases, list) else [None])]
    if not id_ or not all(isinstance(text, str) for text in texts):
        raise _malformed(path, f"{key!r} is no text, and no object with a text as 'label'")
    if any(map(undecodable, texts)):
        raise _malformed(path, f"{key!r} has a character that is none of Unicode")
    return Entity(id_, name, tuple(aliases), description=description)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    def bad(number: int, what: str) -> None:
        raise _malformed(path, what, number)

    for number, line in decoded_lines(path, "KP427", bad):
        if line.strip():
            yield number, line.split("\t")


def _malformed(path: Path, message: str, line: int | None = None) -> KpError:
    where = str(path) if line is None else f"{path}:{line}"
    return KpError("KP427", f"malformed labels: {message}", "correct the file", where)
