"""Triples from MRREL."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kp_plugin_umls.cui import Cuis
from kp_plugin_umls.layout import Table
from kp_plugin_umls.retired import Retired
from kp_plugin_umls.rrf import RrfReader
from kp_plugin_umls.survey import Survey
from kpframework import KpError
from kpframework.api import Triple

_RELATION = ("CUI1", "CUI2", "REL", "RELA", "SAB", "SUPPRESS", "DIR")
_USUAL = ("XR", "DEL")


class RelationReader:
    """Reads MRREL row by row: (CUI2, RELA or REL, CUI1).

    REL is the "relationship of second concept or atom to first concept or atom" (UMLS Reference
    Manual, chapter 3, MRREL.RRF), so CUI2 is the head.

    Args:
        config: the options.
        found: the first pass.
        retired: redirects of retired concepts.
        cuis: numbers of concepts.
        counts: gains how many rows were left out, by reason.
    """

    def __init__(
        self, config: Any, found: Survey, retired: Retired, cuis: Cuis, counts: Counter[str]
    ) -> None:
        self._config = config
        self._found = found
        self._retired = retired
        self._cuis = cuis
        self._counts = counts

    def triples(self, table: Table, reader: RrfReader) -> Iterator[Triple]:
        """Yield the triples, repeated ones included.

        Raises:
            KpError: KP484 a relation that is asked for is not there.
        """
        known: set[str] = set()
        for batch in reader.batches(table, _RELATION, keys=3):
            known.update(*(pc.unique(batch.column(c)).to_pylist() for c in ("REL", "RELA")))
            yield from self._of(batch.filter(self._chosen(batch)))
        self._check(known - {""}, table)

    def _chosen(self, batch: pa.RecordBatch) -> pa.Array:
        config = self._config
        mask = self._found.sources.chosen(batch)
        mask = pc.and_(mask, _among(batch, "SUPPRESS", config.suppress))
        mask = pc.and_not(mask, _labelled(batch, config.without_relations))
        if config.relations is not None:
            mask = pc.and_(mask, _labelled(batch, config.relations))
        if config.asserted_only:
            mask = pc.and_not(mask, _among(batch, "DIR", ["N"]))
        self._counts["relation_rows_not_chosen"] += len(batch) - (pc.sum(mask).as_py() or 0)
        return mask

    def _of(self, batch: pa.RecordBatch) -> Iterator[Triple]:
        kept = self._found.kept
        heads, tails = (self._cuis.numbers(batch.column(c)) for c in ("CUI2", "CUI1"))
        there = kept.has(heads) & kept.has(tails)
        moved = np.zeros(len(batch), dtype=bool)
        if not there.all():
            heads, tails, given = (
                self._retired.redirect(heads),
                self._retired.redirect(tails),
                there,
            )
            there = kept.has(heads) & kept.has(tails)
            moved = there & ~given
        apart = heads != tails
        self._counts["relation_rows_redirected"] += int(moved.sum())
        self._counts["relation_rows_of_no_entity"] += int((~there).sum())
        self._counts["relation_rows_of_one_concept"] += int((there & ~apart).sum())
        good = there & apart
        chosen = batch.filter(pa.array(good))
        specific = chosen.column("RELA")
        labels = pc.if_else(pc.equal(specific, ""), chosen.column("REL"), specific).to_pylist()
        ends = [chosen.column(c).to_pylist() for c in ("CUI2", "CUI1")]
        for row in np.flatnonzero(moved[good]).tolist():
            ends[0][row] = self._cuis.text(int(heads[good][row]))
            ends[1][row] = self._cuis.text(int(tails[good][row]))
        return map(Triple, ends[0], labels, ends[1])

    def _check(self, known: set[str], table: Table) -> None:
        usual = (name for name in self._config.without_relations if name not in _USUAL)
        lacking = {*(self._config.relations or ()), *usual} - known
        if lacking:
            raise KpError(
                "KP484",
                f"no relation {', '.join(sorted(lacking))} in this Metathesaurus (RELA or REL)",
                f"choose from: {', '.join(sorted(known))}",
                str(table.path),
            )


def _among(batch: pa.RecordBatch, column: str, values: list[str]) -> pa.Array:
    return pc.is_in(batch.column(column), pa.array(values, pa.string()))


def _labelled(batch: pa.RecordBatch, names: list[str]) -> pa.Array:
    return pc.or_(_among(batch, "RELA", names), _among(batch, "REL", names))
