"""A first pass over names and types: which concepts are entities, and are files in order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kp_plugin_umls.cui import Cuis, CuiSet
from kp_plugin_umls.layout import NAMES, TYPES, Metathesaurus, Table
from kp_plugin_umls.rrf import RrfReader
from kpframework import KpError
from kpframework.api import Context

ATOM = ("CUI", "STR", "LAT", "SAB", "SRL", "SUPPRESS", "TS", "STT", "ISPREF", "CODE")
"""What is read of a name; the first two must not be empty."""


@dataclass(frozen=True)
class Survey:
    """What the first pass found."""

    kept: CuiSet
    """Concepts that are entities."""
    sources: "Sources"
    """Vocabularies that are read."""
    ordered: Mapping[str, bool]
    """Whether the rows of a file come in the order of their concepts, by its name."""


class Sources:
    """Source vocabularies: their restriction levels, and whether they are read.

    A name says the level of its vocabulary. A vocabulary without a name has none: it is not read
    where levels are asked for.
    """

    def __init__(self, config: Any) -> None:
        self.levels: dict[str, str] = {}
        self._config = config
        levels = config.restriction_levels
        self._levels = None if levels is None else {str(level) for level in levels}

    def read(self) -> dict[str, str]:
        """Return the level of each vocabulary that has names and is read."""
        return {name: self.levels[name] for name in sorted(self.levels) if self._is_read(name)}

    def chosen(self, batch: pa.RecordBatch) -> pa.Array:
        """Return which rows are of a vocabulary that is read."""
        read = [name for name in pc.unique(batch.column("SAB")).to_pylist() if self._is_read(name)]
        return pc.is_in(batch.column("SAB"), pa.array(read, pa.string()))

    def see(self, batch: pa.RecordBatch) -> None:
        """Note the levels of the vocabularies of some names."""
        pairs = pa.Table.from_batches([batch.select(["SAB", "SRL"])]).group_by(["SAB", "SRL"])
        for pair in pairs.aggregate([]).to_pylist():
            self.levels.setdefault(pair["SAB"], pair["SRL"])

    def _is_read(self, name: str) -> bool:
        return (
            (self._config.sources is None or name in self._config.sources)
            and name not in self._config.without_sources
            and (self._levels is None or self.levels.get(name) in self._levels)
        )


class Order:
    """Watches whether a column never decreases."""

    def __init__(self) -> None:
        self.held = True
        self._last = ""

    def see(self, column: pa.Array) -> None:
        """Look at the next values."""
        if not self.held or not len(column):
            return
        rising = pc.all(pc.less_equal(column[:-1], column[1:])).as_py()
        self.held = rising is not False and self._last <= column[0].as_py()
        self._last = column[-1].as_py()


def survey(
    meta: Metathesaurus, config: Any, reader: RrfReader, cuis: Cuis, context: Context
) -> Survey:
    """Read names and semantic types once.

    Raises:
        KpError: KP484 a language, vocabulary or type that is asked for is not there.
    """
    kept, sources, languages, names = CuiSet(), Sources(config), set[str](), Order()
    table = meta.table(NAMES)
    with context.progress("survey names", table.rows) as advance:
        for batch in reader.batches(table, ATOM, keys=2):
            names.see(batch.column("CUI"))
            sources.see(batch)
            languages.update(pc.unique(batch.column("LAT")).to_pylist())
            chosen = batch.column("CUI").filter(atoms(batch, sources, config))
            kept.add(cuis.numbers(pc.unique(chosen)))
            advance(len(batch))
    given = [*(config.sources or ()), *config.without_sources, *config.codes]
    given += config.definition_sources or ()
    _check("source vocabulary", "SAB", given, sources.levels)
    levels = map(str, config.restriction_levels or ())
    _check("restriction level", "SRL", levels, sources.levels.values())
    _check("language", "LAT", config.languages, languages)
    typed, types = _typed(meta.table(TYPES), config, reader, cuis)
    if typed is not None:
        kept.keep(typed)
    return Survey(kept, sources, {NAMES: names.held, TYPES: types.held})


def atoms(batch: pa.RecordBatch, sources: Sources, config: Any) -> pa.Array:
    """Return which rows of MRCONSO are names that are read."""
    mask = sources.chosen(batch)
    for column, values in (("LAT", config.languages), ("SUPPRESS", config.suppress)):
        mask = pc.and_(mask, pc.is_in(batch.column(column), pa.array(values, pa.string())))
    return mask


def _typed(table: Table, config: Any, reader: RrfReader, cuis: Cuis) -> tuple[CuiSet | None, Order]:
    """Return the concepts of the types that are read, None for all, and the order of the file."""
    order, typed, known = Order(), CuiSet(), set[str]()
    values = pa.array(config.types or [], pa.string())
    for batch in reader.batches(table, ("CUI", "TUI", "STY"), keys=3):
        order.see(batch.column("CUI"))
        if config.types is not None:
            matches = pc.or_(*(pc.is_in(batch.column(c), values) for c in ("TUI", "STY")))
            typed.add(cuis.numbers(batch.column("CUI").filter(matches)))
            known.update(*(pc.unique(batch.column(c)).to_pylist() for c in ("TUI", "STY")))
    if config.types is None:
        return None, order
    _check("semantic type", "TUI or STY", config.types, known)
    return typed, order


def _check(what: str, column: str, given: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(set(known))
    for value in given:
        if value not in known:
            near = get_close_matches(value, known, n=3)
            raise KpError(
                "KP484",
                f"no {what} {value!r} in this Metathesaurus ({column})",
                f"did you mean {' or '.join(near)}?" if near else f"choose from: {_few(known)}",
            )


def _few(known: list[str]) -> str:
    return ", ".join(known[:30]) + (" …" if len(known) > 30 else "")
