"""The Metathesaurus as a knowledge base, streamed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from kp_plugin_umls.concepts import DEFINITION, NAME, TYPE, Beside, EntityMaker, Groups
from kp_plugin_umls.cui import Cuis
from kp_plugin_umls.layout import DEFINITIONS, NAMES, RELATIONS, RETIRED, TYPES, Metathesaurus
from kp_plugin_umls.relations import RelationReader
from kp_plugin_umls.retired import Retired
from kp_plugin_umls.rrf import RrfReader
from kp_plugin_umls.survey import ATOM, Order, Survey, atoms, survey
from kpframework.api import Entity, KBProvider, Triple, by_key

_READ = (NAMES, TYPES, RELATIONS, DEFINITIONS, RETIRED)
_LICENCE = (
    "UMLS Metathesaurus License; vocabularies have restrictions of their own (SRL): "
    "https://www.nlm.nih.gov/research/umls/knowledge_sources/metathesaurus/release/"
    "license_agreement.html"
)


class UmlsProvider(KBProvider):
    """Reads a META folder: concepts are entities, their identifiers (CUI) the ids.

    In memory are a few megabytes of a file, ten bits for each possible concept identifier, and
    sixteen bytes for each retired concept that leads on to a living one.
    """

    @cached_property
    def _meta(self) -> Metathesaurus:
        return Metathesaurus.open(Path(self.config.meta))

    @cached_property
    def _reader(self) -> RrfReader:
        return RrfReader(skip=self.config.on_bad_line == "skip")

    @cached_property
    def _cuis(self) -> Cuis:
        return Cuis()

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter()

    @cached_property
    def _survey(self) -> Survey:
        return survey(self._meta, self.config, self._reader, self._cuis, self.context)

    @cached_property
    def _retired(self) -> Retired:
        kept = self._survey.kept
        if RETIRED not in self._meta.tables:
            return Retired.none()
        return Retired.read(self._meta.table(RETIRED), self._reader, self._cuis, kept)

    def entities(self) -> Iterator[Entity]:
        """Yield a concept for each that has a name which is read, sorted."""
        for key in ("concepts_without_preferred_name", "concepts_without_type"):
            self._counts[key] = 0
        make = EntityMaker(self.config, self._counts)
        types, definitions = Beside(self._types()), Beside(self._definitions())
        for concept, names in self._names():
            retired = map(self._cuis.text, self._retired.into(self._cuis.number(concept)))
            yield make.entity(concept, names, types.of(concept), definitions.of(concept), retired)

    def triples(self) -> Iterator[Triple]:
        """Yield the relations between entities."""
        if self.config.relations == []:
            return iter(())
        for key in [key for key in self._counts if key.startswith("relation_rows")]:
            del self._counts[key]
        relations = RelationReader(
            self.config, self._survey, self._retired, self._cuis, self._counts
        )
        return relations.triples(self._meta.table(RELATIONS), self._reader)

    def files(self) -> Sequence[Path]:
        """Return the files of the folder that are read."""
        return self._meta.files([name for name in _READ if name != RELATIONS or self._has_triples])

    def metadata(self) -> Mapping[str, str]:
        """Return release, licence and source; after reading also what was left out, and why."""
        facts = {
            "release": self._meta.release() or self.config.release,
            "licence": _LICENCE,
            "source": f"UMLS Metathesaurus, {Path(self.config.meta).name}",
        }
        if "_survey" in vars(self):
            levels = self._survey.sources.read().items()
            facts["sources"] = ", ".join(f"{source} (SRL {level})" for source, level in levels)
        absent = [name for name in (DEFINITIONS, RETIRED) if name not in self._meta.tables]
        if absent:
            facts["absent"] = ", ".join(absent)
        counts = {**self._counts, **(self._retired.counts if "_retired" in vars(self) else {})}
        facts |= {key: str(value) for key, value in counts.items()}
        facts |= {f"malformed_{k}": str(n) for k, n in self._reader.malformed.items() if n}
        for name, rows in self._reader.rows.items():
            if rows != self._meta.table(name).rows:
                facts[f"rows_{name}"] = f"{rows}, MRFILES.RRF says {self._meta.table(name).rows}"
        return facts

    @property
    def _has_triples(self) -> bool:
        return self.config.relations != []

    def _names(self) -> Groups:
        found = self._survey
        wanted = (
            batch.filter(self._of_entity(batch, atoms(batch, found.sources, self.config)))
            for batch in self._reader.batches(self._meta.table(NAMES), ATOM, keys=2)
        )
        rows = (batch.select(list(NAME)) for batch in wanted)
        return by_key(rows, self.context.scratch, found.ordered[NAMES])

    def _types(self) -> Groups:
        batches = self._reader.batches(self._meta.table(TYPES), TYPE, keys=3)
        rows = (batch.filter(self._of_entity(batch)) for batch in batches)
        return by_key(rows, self.context.scratch, self._survey.ordered[TYPES])

    def _definitions(self) -> Groups:
        if DEFINITIONS not in self._meta.tables:
            return iter(())
        table = self._meta.table(DEFINITIONS)
        order = Order()
        for batch in self._reader.batches(table, ("CUI",), keys=1):
            order.see(batch.column("CUI"))
        suppress = pa.array(self.config.suppress, pa.string())
        columns = (*DEFINITION, "SUPPRESS")
        rows = (
            batch.filter(
                self._of_entity(
                    batch,
                    pc.and_(
                        self._survey.sources.chosen(batch),
                        pc.is_in(batch.column("SUPPRESS"), suppress),
                    ),
                )
            )
            for batch in self._reader.batches(table, columns, keys=1)
        )
        return by_key(rows, self.context.scratch, order.held)

    def _of_entity(self, batch: pa.RecordBatch, mask: pa.Array | None = None) -> pa.Array:
        """Return which rows are of an entity, and of the mask."""
        there = pa.array(self._survey.kept.has(self._cuis.numbers(batch.column("CUI"))))
        return there if mask is None else pc.and_(there, mask)
