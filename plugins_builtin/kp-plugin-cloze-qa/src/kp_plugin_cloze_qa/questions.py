"""Questions of a file, made from questions or from facts; what is left out is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from kp_plugin_cloze_qa import reading
from kp_plugin_cloze_qa.reading import strings
from kp_plugin_cloze_qa.template import Sentence
from kpframework.api import malformed_record, record_field, record_group, record_id, record_span

NO_SUBJECT = "subject not found in the text"
NO_TEMPLATE = "relation without a template"
NO_NAME = "entity without a name"
NO_ANSWER = "no answer"
NOT_LINKED = "subject without an entity"
NOT_LISTED = "subject not among the names"
UNTYPED = ("sub_uri", "sub_label", "predicate_id", "obj_uri", "obj_label")
"""Keys of a fact as LAMA and X-FACTR write it."""


@dataclass(frozen=True)
class Question:
    """A question before anything is known of a tokenizer."""

    id: str
    sentence: Sentence
    relation: str
    entity: str
    """Of the subject; empty if the data name none."""
    answers: tuple[str, ...]
    answer_entities: tuple[str, ...]
    """Of the answers, in no particular relation to them; empty if the data name none."""
    where: str
    group: str = ""
    """Questions of one group are drawn together when intervals are estimated."""

    @property
    def subject(self) -> str:
        """The subject as it stands in the text."""
        return self.sentence.text[slice(*self.sentence.subject)]


class Reader:
    """Reads questions with the options of the task.

    Raises:
        KpError: KP660, the file of templates is malformed.
    """

    def __init__(self, config: Any) -> None:
        self.config = config
        self._templates = reading.templates(config.templates)

    @cached_property
    def _labels(self) -> Mapping[str, str]:
        return reading.labels(self.config.labels)

    @cached_property
    def _names(self) -> frozenset[str]:
        return reading.names(self.config.names)

    def questions(
        self, path: str, left_out: Counter[str] | None = None, group: str | None = None
    ) -> list[Question]:
        """Return the questions of a file, in its order, that the options keep.

        Args:
            path: of the file.
            left_out: gets how many are left out for each reason.
            group: the field that holds a question's group; None groups none.

        Raises:
            KpError: KP620, a record is malformed, or facts of one question are of two groups; names
                file and line.
        """
        left = Counter[str]() if left_out is None else left_out
        made: dict[tuple[str, str], Question] = {}
        asked = []
        for where, value in reading.records(path):
            if "question" in value:
                found = self._asked(value, where, left)
                if found is not None:
                    asked.append(replace(found, group=record_group(value, group, where)))
                continue
            fact = self._of_fact(value, where, left)
            if fact is not None:
                # Facts of one subject and relation are one question with several answers.
                fact = replace(fact, group=record_group(value, group, where))
                key = (fact.entity or fact.subject, fact.relation)
                first = made.get(key)
                made[key] = fact if first is None else _with(first, fact)
        return [own for own in (*asked, *made.values()) if self._keeps(own, left)]

    def _asked(self, value: dict[str, Any], where: str, left: Counter[str]) -> Question | None:
        text = record_field(value, "question", str, where).rstrip()
        relation = value.get("relation", "")
        if type(relation) is not str:
            raise malformed_record(where, "'relation' is not a text")
        answers = strings(value, "answers", where)
        entity, span = "", None
        if value.get("subject") is not None:
            subject = record_field(value, "subject", dict, where)
            span = record_span(subject, text, where)
            entity = record_id(subject.get("entity"), where)
        elif relation in self._templates:
            span = self._templates[relation].subject_of(text)
        if span is None:
            left[NO_SUBJECT] += 1
            return None
        if not answers:
            left[NO_ANSWER] += 1
            return None
        known = strings(value, "answer_entities", where) if "answer_entities" in value else ()
        name = record_id(value.get("id"), where) or where.rpartition(":")[2]
        return Question(
            name, Sentence(text, span, len(text)), relation, entity, answers, known, where
        )

    def _of_fact(self, value: dict[str, Any], where: str, left: Counter[str]) -> Question | None:
        head, relation, tail = _fact(value, where)
        template = self._templates.get(relation)
        names = [end[1] or self._labels.get(end[0], "") for end in (head, tail)]
        if template is None or not all(names):
            left[NO_TEMPLATE if template is None else NO_NAME] += 1
            return None
        known = (tail[0],) if tail[0] else ()
        name = f"{head[0] or names[0]}-{relation}"
        sentence = template.filled(names[0])
        return Question(name, sentence, relation, head[0], (names[1],), known, where)

    def _keeps(self, question: Question, left: Counter[str]) -> bool:
        kept = self.config.subjects
        if kept == "with-entity" and not question.entity:
            left[NOT_LINKED] += 1
            return False
        if kept == "listed" and question.subject not in self._names:
            left[NOT_LISTED] += 1
            return False
        return True


def _fact(value: dict[str, Any], where: str) -> tuple[tuple[str, str], str, tuple[str, str]]:
    """Return ((id, name) of the head, relation, (id, name) of the tail); "" where not given."""
    if all(key in value for key in UNTYPED):
        head, head_name, relation, tail, tail_name = (
            record_field(value, key, str, where).strip() for key in UNTYPED
        )
        return (head, head_name), relation, (tail, tail_name)
    if not {"sub", "rel", "obj"} <= set(value):
        raise malformed_record(
            where, f"neither a question nor a fact; it has {', '.join(sorted(value)) or 'nothing'}"
        )
    ends = list(_ends(value, where))
    return ends[0], record_field(value, "rel", str, where), ends[1]


def _ends(value: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    for key in ("sub", "obj"):
        end = record_field(value, key, dict, where)
        own = tuple(record_id(end.get(name), where).strip() for name in ("id", "label"))
        if not any(own):
            raise malformed_record(where, f"{key!r} has neither 'id' nor 'label'")
        yield own[0], own[1]


def _with(first: Question, more: Question) -> Question:
    if more.group != first.group:
        raise malformed_record(
            more.where,
            f"its group is {more.group!r}, but {first.group!r} at {first.where}, a fact of the "
            "same question",
        )
    return replace(
        first,
        answers=tuple(dict.fromkeys((*first.answers, *more.answers))),
        answer_entities=tuple(dict.fromkeys((*first.answer_entities, *more.answer_entities))),
    )
