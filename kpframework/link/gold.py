"""Gold mentions, joined with the records that were linked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kpframework.api.documents import Annotation, document_format, read_documents
from kpframework.api.kb import id_in_space
from kpframework.errors import KpError, Problem
from kpframework.kb.store import KBStore
from kpframework.link.evaluate import Guess, Pair, Truth, evaluate
from kpframework.link.inputs import document_id
from kpframework.link.output import Record


@dataclass
class Gold:
    """The gold mentions of a file, their ids those of a knowledge base."""

    path: Path
    mentions: dict[str, list[Truth]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    not_in_kb: int = 0
    """Mentions of which the knowledge base has no entity: no linker to it can be right there."""
    without_entity: int = 0
    """Mentions that name no entity; they are left out."""
    misplaced: int = 0
    """Annotations left out because their text is not where their offsets say."""

    def look(self, records: Iterable[Record], resamples: int) -> dict[str, Any]:
        """Return what `evaluate` says of the records, and what was not compared.

        Raises:
            KpError: KP839, a gold document was not linked, or its text is another.
        """
        self.others = 0
        found = evaluate(self._pairs(records), resamples=resamples)
        return found | {
            "gold": str(self.path),
            "gold_not_in_kb": self.not_in_kb,
            "gold_without_entity": self.without_entity,
            "gold_misplaced": self.misplaced,
            "texts_without_gold": self.others,
        }

    def _pairs(self, records: Iterable[Record]) -> Iterator[Pair]:
        seen: set[str] = set()
        for record in records:
            name = record["id"]
            if name not in self.mentions:
                self.others += 1
                continue
            if name in seen:
                raise self._wrong(f"two texts that were linked have the id {name!r}")
            seen.add(name)
            text = self.texts[name]
            if record.get("text", text) != text or any(
                text[own["start"] : own["end"]] != own["mention"] for own in record["mentions"]
            ):
                raise self._wrong(f"the gold's text of {name!r} is not the one that was linked")
            yield self.mentions[name], [_guess(own) for own in record["mentions"]]
        missing = [name for name in self.mentions if name not in seen]
        if missing:
            shown = ", ".join(map(repr, missing[:5]))
            raise self._wrong(f"{len(missing):,} gold documents were not linked: {shown}")

    def _wrong(self, message: str) -> KpError:
        fix = "leave out INPUT to link the gold's own texts, or give the texts the gold's ids"
        return KpError("KP839", message, fix, str(self.path))


def read_gold(
    path: Path, kb: KBStore, *, format: str | None, id_space: str, skip: bool = False
) -> Gold:
    """Return the gold mentions of a file.

    Args:
        path: in any format that `read_documents` knows.
        kb: whose ids they become, other id spaces' by its cross-references.
        format: of the file; None asks `document_format`.
        id_space: of the gold's ids, such as ``MESH``, where it is not the knowledge base's own.
        skip: leave out misplaced annotations instead of stopping at them.

    Raises:
        KpError: KP750 to KP752, it cannot be read; KP839, two documents have one id.
    """
    gold = Gold(path)

    def misplaced(problem: Problem) -> None:
        gold.misplaced += 1

    name = format or document_format(path)
    if name == "text":
        raise KpError(
            "KP839",
            "no format of gold mentions is known by this file's name or first line",
            "give --gold-format",
            str(path),
        )
    for document in read_documents(path, format=name, report=misplaced if skip else None):
        own = document_id(document)
        if own in gold.mentions:
            raise gold._wrong(f"two gold documents have the id {own!r}")
        gold.texts[own] = document.text
        gold.mentions[own] = []
        for annotation in document.annotations:
            if annotation.ids:
                gold.mentions[own].append(_truth(annotation, kb, id_space, gold))
            else:
                gold.without_entity += 1
    return gold


def _truth(annotation: Annotation, kb: KBStore, id_space: str, gold: Gold) -> Truth:
    rows = [kb.row(id_in_space(own, id_space)) for own in annotation.ids]
    known = [kb.entity_ids[row] for row in rows if row is not None]
    gold.not_in_kb += not known
    types = {name for entity in known for name in kb.info(entity).types}
    types = types or ({annotation.type} if annotation.type else set())
    # An id that the knowledge base does not have matches nothing, whatever it reads.
    return Truth(annotation.start, annotation.end, frozenset(known), frozenset(types))


def _guess(mention: Mapping[str, Any]) -> Guess:
    types = frozenset(mention["types"])
    return Guess(mention["start"], mention["end"], mention["entity"], types)
