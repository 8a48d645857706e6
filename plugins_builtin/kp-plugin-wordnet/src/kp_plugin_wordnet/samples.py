"""A WordNet database of three synsets, which the conformance kit reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpframework.testing import Sample

_HEAD = "  1 A made-up database in the layout of WordNet 3.0\n"
_SYNSETS = (
    ("entity", "that which is", ("~ {1} n 0000", "~ {2} n 0000")),
    ("town", "a place where people live", ("@ {0} n 0000",)),
    ("person", "somebody who lives there", ("@ {0} n 0000",)),
)


def write(folder: Path) -> Mapping[str, Any]:
    """Write the database, and return the options that read it."""
    own = folder / "wordnet"
    own.mkdir()
    for pos in ("noun", "verb", "adj", "adv"):
        for name in (f"data.{pos}", f"index.{pos}"):
            (own / name).write_text(_HEAD, encoding="latin-1")
        (own / f"{pos}.exc").write_text("", encoding="latin-1")
    lines = [_line(i, ["00000000"] * len(_SYNSETS)) for i in range(len(_SYNSETS))]
    # A synset is named by the place of its line in the file.
    places = [len(_HEAD) + sum(map(len, lines[:i])) for i in range(len(lines))]
    offsets = [f"{place:08d}" for place in places]
    lines = [_line(i, offsets) for i in range(len(_SYNSETS))]
    (own / "data.noun").write_text(_HEAD + "".join(lines), encoding="latin-1")
    index = [
        f"{word} n 1 1 {pointers[0][0]} 1 0 {offset}  \n"
        for (word, _, pointers), offset in sorted(zip(_SYNSETS, offsets, strict=True))
    ]
    (own / "index.noun").write_text(_HEAD + "".join(index), encoding="latin-1")
    return {
        "kb/wordnet": [
            Sample({"path": "wordnet"}, entities=3, triples=4),
            Sample({"path": "wordnet", "inverses": False}, entities=3, triples=2),
            Sample({"path": "wordnet", "inflections": True}, entities=3, triples=4),
        ]
    }


def _line(number: int, offsets: list[str]) -> str:
    word, gloss, pointers = _SYNSETS[number]
    shown = " ".join(pointer.format(*offsets) for pointer in pointers)
    return f"{offsets[number]} 03 n 01 {word} 0 {len(pointers):03d} {shown} | {gloss}  \n"
