"""Relation classification between two marked mentions."""

from __future__ import annotations

from collections.abc import Iterator

from kp_plugin_classification.base import ClassificationTask, Record
from kpframework.api import evenly, read_records, record_id, relation_instance


class RelationClassification(ClassificationTask):
    """Which relation holds between head and tail, in any layout of `relation_instance`."""

    roles = ("head", "tail")

    def records(self, split: str) -> Iterator[Record]:
        """Yield the records of a split's file."""
        items = list(read_records(getattr(self.config.data, split)))
        for where, value in evenly(items, getattr(self.config.limit, split)):
            own = relation_instance(value, where)
            ends = (own.head, own.tail)
            yield Record(
                id=record_id(value.get("id"), where) or where.rpartition(":")[2],
                segment=self.marked(own.text, ends),
                labels=(own.relation,),
                info={m.role: own.text[m.start : m.end] for m in ends},
                where=where,
                group=self.group_of(split, value, where),
            )
