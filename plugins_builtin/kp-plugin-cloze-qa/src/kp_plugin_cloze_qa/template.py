"""Sentences with a place for the subject, and perhaps one for the answer."""

from __future__ import annotations

from dataclasses import dataclass

SUBJECT = "[X]"
ANSWER = "[Y]"


@dataclass(frozen=True)
class Sentence:
    """A text that asks, with the place of its subject and of what is hidden."""

    text: str
    subject: tuple[int, int]
    """Character span."""
    hidden: int
    """Character offset at which the answer is hidden."""
    after: bool = True
    """Whether it stands after the token that ends there, or before the one that begins there."""


@dataclass(frozen=True)
class Template:
    """A template of one relation.

    Raises:
        ValueError: it has not one place for the subject, or several for the answer.
    """

    text: str

    def __post_init__(self) -> None:
        if self.text.count(SUBJECT) != 1 or self.text.count(ANSWER) > 1:
            raise ValueError(f"{self.text!r} has not one {SUBJECT} and at most one {ANSWER}")

    def filled(self, subject: str) -> Sentence:
        """Return the sentence about a subject; whitespace at the edges of the parts is dropped."""
        subject = subject.strip()
        head, tail = self.text.split(SUBJECT)
        if ANSWER in head:
            first, middle = head.split(ANSWER)
            place = len(first.rstrip())
            lead = _joined(first, middle)
            text = (lead + subject + tail).rstrip()
            if not place:  # nothing to stand after
                text = text.lstrip()
            start = len(text) - len((subject + tail).rstrip())
            return Sentence(text, (start, start + len(subject)), place, place > 0)
        start = len(head.lstrip())
        span = (start, start + len(subject))
        lead = head.lstrip() + subject
        if ANSWER in tail:
            middle, last = tail.split(ANSWER)
            return Sentence(
                (lead + _joined(middle, last)).rstrip(), span, len((lead + middle).rstrip())
            )
        text = (lead + tail).rstrip()
        return Sentence(text, span, len(text))

    def subject_of(self, question: str) -> tuple[int, int] | None:
        """Return where the subject stands in a question made by the template; None if nowhere."""
        head, tail = self.text.replace(ANSWER, "").strip().split(SUBJECT)
        end = len(question) - len(tail)
        if question.startswith(head) and question.endswith(tail) and len(head) < end:
            return len(head), end
        return None


def _joined(before: str, after: str) -> str:
    """Return what stands around an answer, as close as the second part stood to it."""
    space = " " if before.rstrip() and after[:1].isspace() else ""
    return before.rstrip() + space + after.lstrip()
