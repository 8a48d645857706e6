"""Items and statements on disk between the pass over a dump and its readers."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from kpframework.api import Entity

# A bit is kept for each number up to the greatest; Wikidata's have nine digits.
_ITEM = re.compile(r"Q[1-9][0-9]{0,8}")
_PROPERTY = re.compile(r"P[1-9][0-9]*")


class Spool:
    """Two text files in a folder that goes when this object goes.

    Args:
        scratch: where the folder is made.
    """

    def __init__(self, scratch: Path) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._folder = TemporaryDirectory(dir=scratch, prefix="dump-")
        self._entities = Path(self._folder.name) / "entities.jsonl"
        self._triples = Path(self._folder.name) / "triples.tsv"
        self._kept = bytearray()  # a bit for each item number
        self.properties: dict[str, str] = {}
        """Labels of properties."""
        self.counts: Counter[str] = Counter()
        """What was left out, by reason."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Open the files for `add`."""
        with ExitStack() as stack:
            self._entity_file = stack.enter_context(self._entities.open("wb"))
            self._triple_file = stack.enter_context(self._triples.open("w", encoding="utf-8"))
            yield

    def add(self, entity: Entity, values: Iterable[tuple[str, str]]) -> None:
        """Keep an item and its (property, item) statements.

        Raises:
            ValueError: an id is none, a text is none, or the item was kept before.
        """
        texts = (entity.name, *entity.aliases, entity.description, *entity.types, *entity.xrefs)
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("a label, alias or description is no text")
        # Encoded at once, so that a text that UTF-8 cannot write leaves nothing of the item.
        record = json.dumps(list(asdict(entity).values()), ensure_ascii=False).encode()
        place, bit = _bit(entity.id)
        if place >= len(self._kept):
            self._kept.extend(bytes(place + 1 - len(self._kept) + len(self._kept) // 8))
        if self._kept[place] & bit:
            raise ValueError("the item comes twice")
        lines = [f"{entity.id}\t{property_}\t{value}\n" for property_, value in values]
        for property_, value in values:
            _bit(value)
            if not _PROPERTY.fullmatch(property_):
                raise ValueError(f"{property_!r} is no property")
        self._kept[place] |= bit
        self._entity_file.write(record + b"\n")
        self._triple_file.writelines(lines)

    def entities(self) -> Iterator[Entity]:
        """Yield the items in the order in which they came."""
        with self._entities.open(encoding="utf-8") as file:
            for line in file:
                own, name, aliases, priors, types, description, xrefs = json.loads(line)
                yield Entity(
                    own,
                    name,
                    tuple(aliases),
                    tuple(priors),
                    tuple(types),
                    description,
                    tuple(xrefs),
                )

    def triples(self, every: bool) -> Iterator[tuple[str, str, str]]:
        """Yield the statements; those whose value was not kept only where ``every`` is true."""
        dropped = 0
        with self._triples.open(encoding="utf-8") as file:
            for line in file:
                head, property_, tail = line[:-1].split("\t")
                if every or self._has(tail):
                    yield head, property_, tail
                else:
                    dropped += 1
        self.counts["triples_to_no_entity"] = dropped

    def _has(self, item: str) -> bool:
        place, bit = _bit(item)
        return place < len(self._kept) and bool(self._kept[place] & bit)


def _bit(item: str) -> tuple[int, int]:
    if not _ITEM.fullmatch(item):
        raise ValueError(f"{item!r} is no item")
    number = int(item[1:])
    return number >> 3, 1 << (number & 7)
