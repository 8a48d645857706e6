"""The rows of a made-up Metathesaurus, each a function of its concept's number alone."""

from collections.abc import Iterator, Mapping

Fields = tuple[str, ...]

LAYOUT: Mapping[str, tuple[str, ...]] = {
    name: tuple(columns.split())
    for name, columns in {
        "MRCONSO.RRF": "CUI LAT TS LUI STT SUI ISPREF AUI SAUI SCUI SDUI SAB TTY CODE STR SRL "
        "SUPPRESS CVF",
        "MRSTY.RRF": "CUI TUI STN STY ATUI CVF",
        "MRDEF.RRF": "CUI AUI ATUI SATUI SAB DEF SUPPRESS CVF",
        "MRREL.RRF": "CUI1 AUI1 STYPE1 REL CUI2 AUI2 STYPE2 RELA RUI SRUI SAB SL RG DIR SUPPRESS "
        "CVF",
        "MRCUI.RRF": "CUI1 VER REL RELA MAPREASON CUI2 MAPIN",
        "MRDOC.RRF": "DOCKEY VALUE TYPE EXPL",
        "MRCOLS.RRF": "COL DES REF MIN AV MAX FIL DTY",
        "MRFILES.RRF": "FIL DES FMT CLS RWS BTS",
    }.items()
}
"""Columns of each file as the UMLS Reference Manual documents them (chapter 3)."""

_FIRST = 100_000  # the first concept's number; odd ones are retired concepts
_SOURCES = (("MTH", "0"), ("MSH", "0"), ("NCI", "0"), ("SNOMEDCT_US", "9"))
_TYPES = (
    ("T047", "B2.2.1.2.1", "Disease or Syndrome"),
    ("T191", "B2.2.1.2.1.2", "Neoplastic Process"),
    ("T121", "A1.4.1.1.1", "Pharmacologic Substance"),
    ("T184", "A2.2.2", "Sign or Symptom"),
    ("T023", "A1.2.3.1", "Body Part, Organ, or Organ Component"),
    ("T061", "B1.3.1.3", "Therapeutic or Preventive Procedure"),
)
_PAIRS = (
    ("PAR", "inverse_isa", "CHD", "isa"),
    ("RO", "may_treat", "RO", "may_be_treated_by"),
    ("RO", "finding_site_of", "RO", "has_finding_site"),
    ("RB", "", "RN", ""),
)
"""REL and RELA of a row, and those of its inverse."""
_QUALITIES = ("acute", "chronic", "hereditary", "Überlappungs", 'so-called "mild"', "juvenile")
_PLACES = ("hepatic", "renal", "cardiac", "ocular", "dermal", "neural", "pulmonary")
_THINGS = ("fibrosis", "oedema", "naïve-cell tumour", "stenosis", "dysplasia")


class MadeUp:
    """Rows of every file, in the order of their concepts as in a real release."""

    def __init__(self, concepts: int, names: int, relations: int) -> None:
        self._concepts = concepts
        self._names = names
        # Far apart and co-prime enough that the graph is connected and has no repeated edge.
        self._steps = [1 + k * (concepts // (relations // 2 + 1)) for k in range(relations // 2)]

    def tables(self) -> dict[str, Iterator[Fields]]:
        """Return the rows of each file."""
        return {
            "MRCONSO.RRF": self._conso(),
            "MRSTY.RRF": self._sty(),
            "MRDEF.RRF": self._def(),
            "MRREL.RRF": self._rel(),
            "MRCUI.RRF": self._cui(),
        }

    def _conso(self) -> Iterator[Fields]:
        atom = 0
        for number in range(self._concepts):
            cui = _cui(number)
            for position in range(self._names):
                atom += 1
                source, level = _SOURCES[(number + position) % len(_SOURCES)]
                # The preferred name is not the first row, as it need not be in a release.
                best = position == number % self._names
                flags = (
                    ("P", "PF", "Y") if best else (("S", "VO", "N"), ("P", "VCW", "Y"))[atom % 2]
                )
                text = _name(number) if best else f"{_name(number)}, variant {position}"
                yield _atom(cui, "ENG", flags, atom, source, level, f"{number:07}", text, "N")
            if number % 10 == 0:
                atom += 1
                text = f"enfermedad número {number}"
                yield _atom(cui, "SPA", ("P", "PF", "Y"), atom, "MSHSPA", "3", "NOCODE", text, "N")
            if number % 8 == 0:
                atom += 1
                text = f"obsolete name of {number}"
                yield _atom(
                    cui, "ENG", ("S", "PF", "N"), atom, "MSH", "0", f"{number:07}", text, "O"
                )

    def _sty(self) -> Iterator[Fields]:
        for number in range(self._concepts):
            types = [_type(number), _type(number + 1)] if number % 9 == 0 else [_type(number)]
            for tui, place, name in types:
                yield _cui(number), tui, place, name, f"AT{number:08}", "256"

    def _def(self) -> Iterator[Fields]:
        for number in range(0, self._concepts, 5):
            text = (
                f"A {_name(number)} is a made-up condition; it stands beside {_name(number + 1)}."
            )
            for source in ("NCI", "MSH")[: 1 + number % 2]:
                yield _cui(number), "", f"AT{number:08}", "", source, f"{text} [{source}]", "N", ""

    def _rel(self) -> Iterator[Fields]:
        row = 0
        for number in range(self._concepts):
            for k, step in enumerate(self._steps):
                rel, rela, back, backa = _PAIRS[(number + k) % len(_PAIRS)]
                row += 1
                yield _relation(number, rel, number + step, rela, row, "Y", self._concepts)
                row += 1
                start = number - step
                rel, rela, back, backa = _PAIRS[(start % self._concepts + k) % len(_PAIRS)]
                yield _relation(number, back, start, backa, row, "N", self._concepts)
            if number % 20 == 0:
                row += 1
                yield _relation(number, "SY", number, "translation_of", row, "", self._concepts)
            if number % 50 == 0:
                row += 1
                yield _relation(number, "XR", number + 2, "", row, "", self._concepts)

    def _cui(self) -> Iterator[Fields]:
        for number in range(0, self._concepts, 4):
            retired = f"C{_FIRST + 2 * number + 1:07}"
            kind = ("SY", "SY", "RB", "DEL", "RO")[number // 4 % 5]
            target = "" if kind == "DEL" else _cui(number)
            yield retired, "2000AA", kind, "", "", target, "" if kind == "DEL" else "Y"
            if kind == "SY" and number % 3 == 0:  # the merge as an older release reported it
                yield retired, "1999AA", kind, "", "", target, "Y"


def _cui(number: int) -> str:
    return f"C{_FIRST + 2 * number:07}"


def _type(number: int) -> Fields:
    return _TYPES[number % len(_TYPES)]


def _name(number: int) -> str:
    quality = _QUALITIES[number % len(_QUALITIES)]
    place = _PLACES[number // 6 % len(_PLACES)]
    return f"{quality} {place} {_THINGS[number // 42 % len(_THINGS)]} {number // 210}"


def _atom(
    cui: str,
    language: str,
    flags: Fields,
    atom: int,
    source: str,
    level: str,
    code: str,
    text: str,
    suppress: str,
) -> Fields:
    status, form, preferred = flags
    own = f"{atom:08}"
    ids = (status, f"L{own}", form, f"S{own}", preferred, f"A{own}", "", code, "")
    return (cui, language, *ids, source, "PT", code, text, level, suppress, "")


def _relation(
    one: int, rel: str, two: int, rela: str, row: int, direction: str, concepts: int
) -> Fields:
    ends = (_cui(one), "", "CUI", rel, _cui(two % concepts), "", "CUI")
    source = _SOURCES[row % len(_SOURCES)][0]
    suppress = "O" if row % 25 == 0 else "N"
    return (*ends, rela, f"R{row:09}", "", source, source, "", direction, suppress, "")
