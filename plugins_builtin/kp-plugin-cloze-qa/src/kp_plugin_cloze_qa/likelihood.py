"""Answers of any length: the likeliest of several candidates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from kp_plugin_cloze_qa.protocol import Protocol
from kp_plugin_cloze_qa.questions import Question
from kpframework import KpError
from kpframework.api import Example, Segment

if TYPE_CHECKING:
    import torch

ALONE = "no wrong candidate"
FILLER = "."
"""Text of the inputs that hide nothing: they make up for candidates that a relation has not."""


class Likelihood(Protocol):
    """One input a candidate, all of whose tokens are hidden; the likeliest wins.

    The candidates of a question are its first gold answer and answers of the same relation that
    are not gold for it, in the order of the alphabet. A decision is the order of the candidates,
    the likeliest first. In training there is the gold answer alone.
    """

    metrics = ("accuracy", "mean_reciprocal_rank")

    def __init__(self, config: Any, tokenizer: Callable[[], Any]) -> None:
        super().__init__(config, tokenizer)
        self._wrong: dict[str, list[str]] | None = None
        self._most = 0

    @property
    def reads(self) -> Literal["likelihood", "total-likelihood"]:
        """The mean or the total log-probability of the hidden tokens."""
        return "likelihood" if self.config.score == "mean" else "total-likelihood"

    def prepare(
        self, split: str, questions: Sequence[Question], train: Callable[[], Sequence[Question]]
    ) -> None:
        """Collect the answers of each relation, of train and of the split itself."""
        self._most, self._wrong = 0, None
        if split == "train":
            return
        pools: dict[str, set[str]] = {}
        for question in (*train(), *questions):
            pools.setdefault(question.relation, set()).update(question.answers)
        known = {relation: sorted(pool) for relation, pool in pools.items()}
        self._wrong = {own.where: self._drawn(own, known[own.relation]) for own in questions}
        self._most = max(map(len, self._wrong.values()), default=0)

    def _drawn(self, question: Question, pool: Sequence[str]) -> list[str]:
        """Return wrong candidates, drawn by the seed and the question's id."""
        gold = {answer.casefold() for answer in question.answers}
        wrong = [answer for answer in pool if answer.casefold() not in gold]
        most = self.config.candidates
        if most is None or len(wrong) <= most:
            return wrong
        digest = hashlib.sha256(question.id.encode()).digest()
        key = np.array([self.config.seed, int.from_bytes(digest[:8], "little")], dtype=np.uint64)
        generator = np.random.Generator(np.random.Philox(key=key))
        return [wrong[i] for i in sorted(generator.choice(len(wrong), most, replace=False))]

    def unusable(self, question: Question) -> str:
        """Return `ALONE` if there is nothing to tell the answer from; never in training."""
        return ALONE if self._wrong is not None and not self._wrong[question.where] else ""

    def example(self, split: str, question: Question) -> Example:
        """Return one input a candidate; in training the gold answer alone."""
        gold = question.answers[0]
        wrong = [] if self._wrong is None else self._wrong[question.where]
        candidates = sorted([gold, *wrong])
        segments = [self.segment(question.sentence, question.entity, own) for own in candidates]
        inputs = [(i,) for i in range(len(segments))]
        if missing := self._most - len(wrong):
            inputs += [(len(segments),)] * missing
            segments.append(Segment(FILLER))
        target = {
            "answers": list(question.answers),
            "candidates": candidates,
            "gold": candidates.index(gold),
        }
        info = self.info(question)
        return Example(
            question.id, tuple(segments), target, info, tuple(inputs), group=question.group
        )

    def own(self, text: str, span: tuple[int, int]) -> Segment:
        """Raise: a text of one's own has no candidates."""
        raise KpError(
            "KP662",
            "the protocol 'likelihood' compares candidates, and a text of your own has none",
            fix="ask a task with the protocol 'single-token'",
        )

    def loss(self, logits: torch.Tensor, targets: Sequence[Any]) -> torch.Tensor:
        """Return the mean of the gold answers' negative log-likelihoods."""
        return -logits.mean()

    def decide(self, logits: npt.NDArray[np.float32]) -> list[Any]:
        """Return the candidates' indices, the likeliest first; the first of equals first.

        Args:
            logits: shape (questions, candidates, 1); minus infinity for a filler.
        """
        if not len(logits):
            return []
        scores = logits.reshape(len(logits), -1)
        order = np.argsort(-scores, axis=1, kind="stable")
        return [
            [int(i) for i in own if not np.isneginf(row[i])]
            for own, row in zip(order, scores, strict=True)
        ]

    def scores(self, decision: Any, target: Any) -> tuple[float, ...]:
        """Return whether the gold answer is first, and one over its rank."""
        rank = decision.index(target["gold"]) + 1 if target["gold"] in decision else None
        return (float(rank == 1), 0.0 if rank is None else 1.0 / rank)

    def show(self, decision: Any, target: Any) -> str:
        """Return the best candidate."""
        if not decision:
            return "(nothing)"
        return f"candidate {decision[0]}" if target is None else target["candidates"][decision[0]]
