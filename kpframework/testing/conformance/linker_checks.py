"""What a linker promises, on texts that hold names and annotated mentions of the tiny KB."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from kpframework.api.text import Mention, Segment
from kpframework.testing.conformance.model import check, ensure
from kpframework.testing.conformance.subject import Subject
from kpframework.testing.conformance.world import knowledge_base
from kpframework.testing.knowledge import mentioning
from kpframework.testing.project import ENTITIES, UNKNOWN, entity_name

_PLAIN = (
    "The patient has {} and long fingers.",
    "{} is not the capital of France.",
    "Nobody has ever been in {}",
    # Characters that are several bytes, several code units, or several letters in lower case.
    "É, naïve 🙂🙂 İİ ß, and then {}, said she.",
    "A\u0301 combining accent, a\u00a0hard blank, then {}.",
    "line one\nline two\twith {}\r\nand line three",
)


@cache
def segments() -> tuple[Segment, ...]:
    """Return the texts, with and without annotated mentions."""
    found = [mentioning(text, f"E{i}") for i, text in enumerate(_PLAIN)]
    found += [Segment(segment.text) for segment in found]
    found += [
        mentioning("We saw {} there.", "E5", role="head"),
        mentioning("We saw {} there.", "E6", role="mention", known=False),
        Segment(""),
        Segment(" \n\t "),
        Segment("No name of the knowledge base stands here."),
        Segment(f"{entity_name(1)} {entity_name(2)} {entity_name(2)} {entity_name(1)}"),
        Segment("A nervous man.", (Mention(2, 9, UNKNOWN, role="mention"),)),
        Segment("word " * 400 + entity_name(3)),
    ]
    return tuple(found)


def work(subject: Subject) -> list[list[Mention]]:
    """Link all texts against the tiny knowledge base."""
    linker = subject.create()
    linker.prepare(knowledge_base())
    linked = [list(own) for own in linker.link(list(segments()))]
    linker.statistics()
    return linked


def _linked(subject: Subject) -> Iterator[tuple[Segment, list[Mention]]]:
    yield from zip(segments(), subject.result(), strict=False)


def _prepared(subject: Subject) -> Any:
    subject.result()

    def make() -> Any:
        linker = subject.create()
        linker.prepare(knowledge_base())
        return linker

    return subject.memo("prepared", make)


def _true_spans(segment: Segment) -> list[tuple[int, int]]:
    """Return where names of the knowledge base stand, and what the data annotate."""
    spans = [(own.start, own.end) for own in segment.mentions]
    for i in range(ENTITIES):
        name, at = entity_name(i), -1
        while (at := segment.text.find(name, at + 1)) >= 0:
            spans.append((at, at + len(name)))
    return spans


@check("linker")
def a_list_for_each_text(subject: Subject) -> None:
    """As many lists of mentions as texts come back; an empty text has none."""
    linked = subject.result()
    ensure(len(linked) == len(segments()), f"{len(linked)} lists for {len(segments())} texts")
    for segment, mentions in _linked(subject):
        wrong = [own for own in mentions if not isinstance(own, Mention)]
        ensure(not wrong, f"{wrong[:1]} is no Mention")
        ensure(bool(segment.text.strip()) or not mentions, "an empty text has a mention")


@check("linker")
def finds_something(subject: Subject) -> None:
    """Of texts full of names and annotated mentions some are linked."""
    ensure(any(subject.result()), "nothing is linked in any of the kit's texts")


@check("linker")
def offsets_cover_the_mention(subject: Subject) -> None:
    """A mention's characters are whole words, and where a name or an annotated span stands."""
    for segment, mentions in _linked(subject):
        text = segment.text
        for own in mentions:
            place = f"{own.start} to {own.end} of {text[:60]!r}"
            ensure(0 <= own.start < own.end <= len(text), f"{place} lies outside")
            covered = text[own.start : own.end]
            ensure(covered == covered.strip(), f"{place} has blanks at its ends: {covered!r}")
            cut = _inside_word(text, own.start) or _inside_word(text, own.end)
            ensure(not cut, f"{place} cuts a word: {covered!r}")
            true = any(own.start < end and start < own.end for start, end in _true_spans(segment))
            ensure(true, f"{place} covers {covered!r}, where no name and no annotated span is")


def _inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


@check("linker")
def mentions_do_not_overlap(subject: Subject) -> None:
    """Mentions are sorted by start, and none begins before the one before has ended."""
    for segment, mentions in _linked(subject):
        for one, other in pairwise(mentions):
            spans = f"{one.start} to {one.end} and {other.start} to {other.end}"
            ensure(one.end <= other.start, f"{spans} of {segment.text[:60]!r}")


@check("linker")
def entities_are_in_the_kb(subject: Subject) -> None:
    """Every mention has the id of an entity of the knowledge base."""
    kb = knowledge_base()
    ids = set(kb.entity_ids)
    for segment, mentions in _linked(subject):
        for own in mentions:
            ensure(own.entity in ids, f"{own.entity!r} of {segment.text[:60]!r} is none of its ids")


@check("linker")
def a_batch_is_linked_as_single_texts(subject: Subject) -> None:
    """A text gets the same mentions alone, in a batch, and in another order."""
    linker, expected = _prepared(subject), subject.result()
    single = [linker.link([segment])[0] for segment in segments()]
    ensure(single == expected, "a text alone is linked otherwise than in a batch")
    back = [list(own) for own in linker.link(list(segments())[::-1])][::-1]
    ensure(back == expected, "in another order, texts are linked otherwise")


@check("linker")
def roles_are_kept(subject: Subject) -> None:
    """A mention that covers an annotated span keeps its role."""
    for segment, mentions in _linked(subject):
        for own in mentions:
            for given in segment.mentions:
                if (own.start, own.end) == (given.start, given.end):
                    ensure(own.role == given.role, f"{given.role!r} becomes {own.role!r}")


@check("linker")
def scores_are_finite(subject: Subject) -> None:
    """Scores of mentions are finite numbers."""
    for _, mentions in _linked(subject):
        for own in mentions:
            ensure(math.isfinite(own.score), f"{own}")


@check("linker")
def statistics_are_numbers(subject: Subject) -> None:
    """What it counts for the report are finite numbers."""
    for name, value in _prepared(subject).statistics().items():
        ensure(isinstance(name, str) and math.isfinite(float(value)), f"{name!r} is {value!r}")
