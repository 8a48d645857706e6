"""What ``kpframework kb`` finds, as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kpframework.cli.output import echo, table
from kpframework.safe import safe_line

_NAME = 80
_DESCRIPTION = 120
_LABELS = {
    "entities": "entities",
    "triples": "triples",
    "relations": "relations",
    "names": "names and aliases",
    "distinct_names": "distinct names",
    "types": "types",
    "cross_references": "cross-references",
}


def show_info(found: Mapping[str, Any]) -> None:
    """Write what `kpframework.kb.statistics.statistics` returns."""
    echo(f"knowledge base  {safe_line(found['kb'], _NAME)}  ({found['folder']})")
    for key, text in found["metadata"].items():
        echo(f"{safe_line(key, _NAME)}  {safe_line(text, _DESCRIPTION)}")
    counts = found["counts"]
    shares = [(f"with {field}", own) for field, own in found["with"].items()]
    echo()
    table(
        ("what", "count", "share of entities"),
        [(label, f"{counts[key]:,}", "") for key, label in _LABELS.items()]
        + [(label, f"{own['entities']:,}", f"{own['share']:.1%}") for label, own in shares],
    )
    _degrees(found["degrees"])
    _list("relation", "triples", found["relations"], counts["relations"])
    _list("type", "entities", found["types"], counts["types"])
    _list("space", "xrefs", found["id_spaces"], counts["id_spaces"])
    ambiguous = found["ambiguous_names"]
    echo(f"\nnames that mean several entities: {ambiguous['names']:,} ({ambiguous['share']:.2%})")
    _list("name", "entities", ambiguous["worst"], ambiguous["names"])


def show_search(found: Mapping[str, Any]) -> None:
    """Write what `kpframework.kb.search.search` returns."""
    containing = found["containing"]
    others = (
        "" if containing is None else f"; a part of the names of {counted(containing, 'other')}"
    )
    asked, kb = safe_line(found["text"], _NAME), safe_line(found["kb"], _NAME)
    echo(f"named {asked!r} in {kb}: {counted(found['exact'], 'entity')}{others}")
    if found["entities"]:
        echo()
        table(
            ("id", "name", "matched", "types", "description"),
            [
                (
                    safe_line(entity["id"], _NAME),
                    safe_line(entity["name"], _NAME),
                    safe_line(entity["matched"], _NAME),
                    safe_line(", ".join(entity["types"]), _NAME),
                    safe_line(entity["description"], _DESCRIPTION),
                )
                for entity in found["entities"]
            ],
        )


def show_neighbours(found: Mapping[str, Any]) -> None:
    """Write what `kpframework.kb.neighbours.neighbours` returns."""
    entity = found["entity"]
    echo(f"{safe_line(entity['id'], _NAME)}  {safe_line(entity['name'], _NAME)}")
    for label in ("aliases", "types", "xrefs"):
        if entity[label]:
            echo(f"{label:<12} {safe_line('; '.join(entity[label]), _DESCRIPTION)}")
    if entity["description"]:
        echo(f"{'description':<12} {safe_line(entity['description'], 2 * _DESCRIPTION)}")
    for direction in ("outgoing", "incoming"):
        own = found[direction]
        triples, relations = counted(own["triples"], "triple"), own["relations"]
        echo(f"\n{direction}: {triples}, {counted(relations, 'relation')}")
        if own["groups"]:
            table(("relation", "triples", "entities"), [_group(g) for g in own["groups"]])
        _more(len(own["groups"]), own["relations"], "relations")


def show_audit(found: Mapping[str, Any]) -> None:
    """Write what `kpframework.kb.audit.audit` returns."""
    words = {"entities": "entity", "triples": "triple", "relations": "relation"}
    counts = ", ".join(counted(found["counts"][key], word) for key, word in words.items())
    echo(f"knowledge base  {safe_line(found['kb'], _NAME)}: {counts}")
    clean = [finding["check"] for finding in found["findings"] if not finding["count"]]
    for finding in found["findings"]:
        if finding["count"]:
            echo(f"\n{finding['count']:,}  {finding['check']}: {finding['meaning']}")
            for example in finding["examples"]:
                echo(f"    {_example(example)}")
    if clean:
        echo(f"\nnothing found: {', '.join(clean)}")


def counted(n: int, word: str) -> str:
    """Return a number with its word: ``1 entity``, ``1,200 entities``."""
    many = word.removesuffix("y") + "ies" if word.endswith("y") else word + "s"
    return f"{n:,} {word if n == 1 else many}"


def _degrees(degrees: Mapping[str, Any]) -> None:
    echo()
    table(
        ("triples of an entity", "mean", "median", "max", "entity of the max"),
        [
            (
                label,
                f"{own['mean']:.2f}",
                f"{own['median']:g}",
                f"{own['max']:,}",
                safe_line(own["entity"] or "", _NAME),
            )
            for label, own in (("outgoing", degrees["out"]), ("incoming", degrees["in"]))
        ],
    )
    echo(f"entities in no triple: {degrees['isolated']:,}")


def _list(what: str, how_many: str, rows: Sequence[Mapping[str, Any]], total: int) -> None:
    if rows:
        echo()
        cells = [(safe_line(row[what], _NAME) or "(none)", f"{row[how_many]:,}") for row in rows]
        table((what, how_many), cells)
        _more(len(rows), total, "others")


def _more(shown: int, total: int, what: str) -> None:
    if total > shown:
        echo(f"… and {total - shown:,} {what}: --limit shows more")


def _group(group: Mapping[str, Any]) -> tuple[str, str, str]:
    ends = [safe_line(f"{end['id']}  {end['name']}", _DESCRIPTION) for end in group["entities"]]
    if group["triples"] > len(ends):
        ends.append(f"… and {group['triples'] - len(ends):,} more")
    return safe_line(group["relation"], _NAME), f"{group['triples']:,}", "\n".join(ends)


def _example(example: Mapping[str, str]) -> str:
    entity = safe_line(example.get("entity", ""), _NAME)
    text = example.get("text", "")
    return "  ".join(part for part in (entity, example.get("field", ""), text) if part)
