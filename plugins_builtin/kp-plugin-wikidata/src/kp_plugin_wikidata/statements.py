"""What one line of the dump says: an item's names, its classes, its statements."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kpframework.api import Entity

INSTANCE_OF = "P31"
Record = Mapping[str, Any]


def named(record: Record, part: str, languages: Sequence[str]) -> list[str]:
    """Return the labels or descriptions in these languages, in their order."""
    texts = _table(record, part)
    return [texts[language]["value"] for language in languages if language in texts]


def aliases(record: Record, languages: Sequence[str]) -> list[str]:
    """Return the aliases in these languages."""
    texts = _table(record, "aliases")
    return [alias["value"] for language in languages for alias in texts.get(language, ())]


def statements(record: Record, best: bool) -> Iterator[tuple[str, str, str]]:
    """Yield (property, kind of value, value) of the statements that are not deprecated.

    The kind is ``item`` or ``string``; statements of other values, and those that say that there is
    none or an unknown one, are left out.

    Args:
        record: an entity of the dump.
        best: whether of each property only those of the best rank are yielded.
    """
    for property_, group in _table(record, "claims").items():
        ranked = [statement for statement in group if statement["rank"] != "deprecated"]
        if best:
            preferred = [s for s in ranked if s["rank"] == "preferred"]
            ranked = preferred or ranked
        for statement in ranked:
            snak = statement["mainsnak"]
            if snak["snaktype"] != "value":
                continue
            value, kind = snak["datavalue"]["value"], snak["datavalue"]["type"]
            if kind == "string":
                if not isinstance(value, str):
                    raise ValueError(f"a statement of {property_} has no text as its value")
                yield property_, "string", value
            elif kind == "wikibase-entityid" and value.get("entity-type") == "item":
                # Before 2015 an item was given by its number alone.
                yield property_, "item", value.get("id") or f"Q{value['numeric-id']}"


def entity(record: Record, classes: Sequence[str], xrefs: Sequence[str], config: Any) -> Entity:
    """Return the entity of an item."""
    labels = named(record, "labels", config.languages)
    descriptions = named(record, "descriptions", config.languages)
    others = dict.fromkeys([*labels[1:], *aliases(record, config.languages)])
    others.pop(labels[0] if labels else "", None)
    return Entity(
        record["id"],
        labels[0] if labels else "",
        tuple(others),
        types=tuple(dict.fromkeys(classes)),
        description=descriptions[0] if descriptions else "",
        xrefs=tuple(dict.fromkeys(xrefs)),
    )


def _table(record: Record, part: str) -> Mapping[str, Any]:
    # An empty table is written as an empty list.
    return record.get(part) or {}
