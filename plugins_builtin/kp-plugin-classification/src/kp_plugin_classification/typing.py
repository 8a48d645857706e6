"""Entity typing of one marked mention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kp_plugin_classification.base import ClassificationTask, Record
from kpframework.api import (
    Context,
    Mention,
    evenly,
    malformed_record,
    read_records,
    record_field,
    record_id,
    record_span,
)


class EntityTyping(ClassificationTask):
    """Which types a mention has: ``{"text", "start", "end", "entity", "labels": […]}`` a line."""

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self.multi_label = config.multi_label
        self.at_least_one = config.multi_label and config.at_least_one
        self.threshold = config.threshold

    def records(self, split: str) -> Iterator[Record]:
        """Yield the records of a split's file."""
        items = list(read_records(getattr(self.config.data, split)))
        for where, value in evenly(items, getattr(self.config.limit, split)):
            text = record_field(value, "text", str, where)
            entity = record_id(value.get("entity"), where)
            mention = Mention(*record_span(value, text, where), entity, role="mention")
            labels = record_field(value, "labels", list, where)
            if not all(type(label) is str for label in labels):
                raise malformed_record(where, "a label is not a string")
            if not self.multi_label and len(labels) != 1:
                raise malformed_record(where, f"{len(labels)} labels where 'multi_label' is false")
            yield Record(
                id=record_id(value.get("id"), where) or where.rpartition(":")[2],
                segment=self.marked(text, [mention]),
                labels=tuple(sorted(set(labels))),
                info={"mention": text[mention.start : mention.end]},
                where=where,
                group=self.group_of(split, value, where),
            )
