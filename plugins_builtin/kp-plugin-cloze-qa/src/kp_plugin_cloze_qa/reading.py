"""Files of questions, facts, templates and names, read with the place of every record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kp_plugin_cloze_qa.template import Template
from kpframework import KpError
from kpframework.api import malformed_record, read_json, read_records, read_text, record_field


def records(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, object) of JSON as `read_records` does, or of facts, lines with tabs.

    Raises:
        KpError: KP620, what is there is neither; names file and line.
    """
    text = read_text(path)
    if text.lstrip()[:1] in {"[", "{"}:
        yield from read_records(path)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{path}:{number}", _fact(line, f"{path}:{number}")


def _fact(line: str, where: str) -> dict[str, Any]:
    parts = [part.strip() for part in line.split("\t")]
    if len(parts) != 3 or not all(parts):
        raise malformed_record(
            where, f"not head, relation and tail with tabs between: {line[:80]!r}"
        )
    return {"sub": {"id": parts[0]}, "rel": parts[1], "obj": {"id": parts[2]}}


def strings(value: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Return a field that is a list of texts, those with nothing but blanks left out."""
    found = record_field(value, key, list, where)
    if not all(type(item) is str for item in found):
        raise malformed_record(where, f"{key!r} holds something that is not a text")
    return tuple(item.strip() for item in found if item.strip())


def templates(path: str | None) -> dict[str, Template]:
    """Return the template of each relation; none without a file.

    Raises:
        KpError: KP660, the file is no JSON table of texts, or a text is no template.
    """
    if path is None:
        return {}
    fix = 'give a JSON table such as {"P19": "Where was [X] born?"}'
    found = read_json(path, "KP660")
    if not isinstance(found, dict) or not all(type(text) is str for text in found.values()):
        raise KpError("KP660", "not a table from relation to text", fix, where=path)
    made = {}
    for relation, text in found.items():
        try:
            made[relation] = Template(text)
        except ValueError as error:
            raise KpError("KP660", str(error), fix, where=f"{path}:{relation}") from None
    return made


def labels(path: str | None) -> dict[str, str]:
    """Return the name of each entity; none without a file.

    Raises:
        KpError: KP620, the file is neither a JSON table nor lines of id and name.
    """
    if path is None:
        return {}
    text = read_text(path)
    if text.lstrip().startswith("{"):
        named = {
            key: value.get("label") if isinstance(value, dict) else value
            for key, value in read_json(path, "KP620").items()
        }
        return {key: value.strip() for key, value in named.items() if isinstance(value, str)}
    made = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            key, tab, name = line.partition("\t")
            if not tab or not name.strip():
                raise malformed_record(
                    f"{path}:{number}", "not an id and a name with a tab between"
                )
            made[key.strip()] = name.strip()
    return made


def names(path: str) -> frozenset[str]:
    """Return the names that begin the lines of a file, each up to its first tab."""
    return frozenset(line.partition("\t")[0].strip() for line in read_text(path).split("\n")) - {""}
