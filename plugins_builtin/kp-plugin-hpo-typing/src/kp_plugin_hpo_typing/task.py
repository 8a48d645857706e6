"""Phenotype typing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from kp_plugin_classification.base import ClassificationTask, Record

from kp_plugin_hpo_typing.mentions import Found, find, trimmed
from kp_plugin_hpo_typing.ontology import Ontology, packaged, read
from kpframework.api import Context, Mention


class PhenotypeTyping(ClassificationTask):
    """Which organ systems a phenotype belongs to, of 23, given a mention of it in a definition.

    No concept is in two splits. Several mentions of one are drawn together for intervals: they
    share their answer and their entity's vector.
    """

    multi_label = True

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self.at_least_one = config.at_least_one

    @cached_property
    def _ontology(self) -> Ontology:
        return read(Path(self.config.obo) if self.config.obo else packaged())

    @cached_property
    def _found(self) -> dict[str, list[Found]]:
        return find(self._ontology, self.config.per_concept, self.config.own_definitions)

    def records(self, split: str) -> Iterator[Record]:
        """Yield the records of a split in a stable order."""
        chosen = self._found[split][: getattr(self.config, f"n_{split}")]
        times = Counter(found.concept for found in chosen)
        for found in chosen:
            text, start, end = trimmed(found, self.config.window)
            mention = Mention(start, end, found.concept, role="mention")
            yield Record(
                id=f"{found.concept}/{found.source}/{found.start}",
                segment=self.marked(text, [mention]),
                labels=self._ontology.systems[found.concept],
                info={
                    "mention": text[start:end],
                    "concept": f"{found.concept} {self._ontology.names[found.concept][0]}",
                    "definition of": f"{found.source} {self._ontology.names[found.source][0]}",
                },
                group=found.concept if times[found.concept] > 1 else "",
            )

    def files(self) -> Sequence[Path]:
        """Return the package's file, where no option names another."""
        return () if self.config.obo else (packaged(),)
