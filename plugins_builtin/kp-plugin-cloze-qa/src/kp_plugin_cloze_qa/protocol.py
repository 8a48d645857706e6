"""What the two protocols have in common: how a question becomes an input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from kp_plugin_cloze_qa.questions import Question
from kp_plugin_cloze_qa.template import Sentence
from kpframework.api import Example, Hidden, Insertion, Mention, Segment, marker_edits

if TYPE_CHECKING:
    import torch

LAST = -2
"""Farther from its neighbour than any marker, slot or knowledge that is put there as text."""


class Protocol(ABC):
    """How a question is asked, trained on and scored.

    Args:
        config: of the task.
        tokenizer: returns the host's tokenizer.
    """

    metrics: ClassVar[tuple[str, ...]]
    needs_tokenizer: ClassVar[bool] = False

    def __init__(self, config: Any, tokenizer: Callable[[], Any]) -> None:
        self.config = config
        self.tokenizer = tokenizer

    @property
    @abstractmethod
    def reads(self) -> Literal["words", "likelihood", "total-likelihood"]:
        """What is read of the language model (`Task.reads`)."""

    def prepare(  # noqa: B027  # most protocols look at one question at a time
        self, split: str, questions: Sequence[Question], train: Callable[[], Sequence[Question]]
    ) -> None:
        """Look at all questions of a split, and at those of train if need be."""

    @abstractmethod
    def unusable(self, question: Question) -> str:
        """Return the reason why a question is left out; empty if it is not."""

    @abstractmethod
    def example(self, split: str, question: Question) -> Example:
        """Return a usable question as an example."""

    @abstractmethod
    def own(self, text: str, span: tuple[int, int]) -> Segment:
        """Return a user's own question as an input."""

    @abstractmethod
    def loss(self, logits: torch.Tensor, targets: Sequence[Any]) -> torch.Tensor:
        """Return the mean loss of a batch."""

    @abstractmethod
    def decide(self, logits: npt.NDArray[np.float32]) -> list[Any]:
        """Return one decision a question."""

    @abstractmethod
    def scores(self, decision: Any, target: Any) -> tuple[float, ...]:
        """Return a decision's value for each of `metrics`."""

    @abstractmethod
    def show(self, decision: Any, target: Any) -> str:
        """Return a decision in words; the target may be None."""

    def segment(self, sentence: Sentence, entity: str, answer: str) -> Segment:
        """Return a question with its subject marked and an answer hidden."""
        start, end = sentence.subject
        subject = Mention(start, end, entity, role="subject")
        side: Literal["before", "after"] = "after" if sentence.after else "before"
        hidden = Insertion(sentence.hidden, (Hidden(answer),), side, rank=LAST)
        edits = (*marker_edits(subject, self.config.marker), hidden)
        return Segment(sentence.text, (subject,), edits)

    def info(self, question: Question) -> dict[str, Any]:
        """Return what an example says of itself: its relation, and the facts it asks about."""
        facts = [[question.entity, question.relation, end] for end in question.answer_entities]
        return {
            "relation": question.relation,
            **({"triples": facts} if question.entity and facts else {}),
        }
