"""The cloze task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kp_plugin_cloze_qa.likelihood import Likelihood
from kp_plugin_cloze_qa.protocol import Protocol
from kp_plugin_cloze_qa.questions import Question, Reader
from kp_plugin_cloze_qa.single_token import SingleToken
from kpframework import KpError
from kpframework.api import Context, Example, Segment, Task, evenly

if TYPE_CHECKING:
    import torch


class ClozeQA(Task):
    """A question, and what a language model names where its answer is hidden.

    EntityQuestions as Zhang et al. (ACL 2023, section 4) have it is the protocol ``single-token``;
    ``likelihood`` leaves no question out for the length of its answer.
    """

    head = "language-model"

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        kind = SingleToken if config.protocol == "single-token" else Likelihood
        self._protocol: Protocol = kind(config, self._tokenizer)
        self.reads = self._protocol.reads
        self.needs_tokenizer = self._protocol.needs_tokenizer
        self._left_out: dict[str, Counter[str]] = {}

    def _tokenizer(self) -> Any:
        # The context is another one once there is a host.
        return self.context.tokenizer()

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.config)

    def _questions(self, split: str, left_out: Counter[str] | None = None) -> list[Question]:
        group = self.config.group if split == "test" else None
        return self._reader.questions(getattr(self.config.data, split), left_out, group)

    def examples(self, split: str) -> Iterator[Example]:
        """Yield the questions of a split that the options keep; the others are counted.

        Raises:
            KpError: KP620, a record is malformed; KP622, two questions have one id; KP661, no
                question of the split is left.
        """
        left = self._left_out[split] = Counter()
        questions = self._questions(split, left)
        self._protocol.prepare(split, questions, lambda: self._questions("train"))
        usable = [own for own in questions if self._usable(own, left)]
        if not usable:
            reasons = ", ".join(f"{reason}: {count}" for reason, count in left.most_common())
            raise KpError(
                "KP661",
                f"no question of {split} can be used ({reasons or 'the file is empty'})",
                fix="look at the file, and at 'subjects', 'templates' and 'protocol'",
                where=getattr(self.config.data, split),
            )
        seen: set[str] = set()
        for question in evenly(usable, getattr(self.config.limit, split)):
            if question.id in seen:
                raise KpError(
                    "KP622",
                    f"two questions of {split} have the id {question.id!r}",
                    fix="give every question an id of its own, or none any",
                    where=question.where,
                )
            seen.add(question.id)
            yield self._protocol.example(split, question)

    def _usable(self, question: Question, left: Counter[str]) -> bool:
        reason = self._protocol.unusable(question)
        if reason:
            left[reason] += 1
        return not reason

    def counts(self) -> Mapping[str, int]:
        """Return how many questions of each split that was read were left out, by reason."""
        return {
            f"{split}, left out: {reason}": count
            for split, reasons in self._left_out.items()
            for reason, count in sorted(reasons.items())
        }

    @property
    def labels(self) -> Sequence[str]:
        """None: there is no classification head."""
        return []

    @property
    def metrics(self) -> Sequence[str]:
        """Accuracy; with ``likelihood`` the mean reciprocal rank too."""
        return self._protocol.metrics

    def loss(self, logits: torch.Tensor, targets: Sequence[Any]) -> torch.Tensor:
        """Return the mean cross-entropy of the first answer, or the mean negative likelihood."""
        return self._protocol.loss(logits, targets)

    def decide(
        self, logits: npt.NDArray[np.float32], calibration: Mapping[str, float]
    ) -> Sequence[Any]:
        """Return the best entry of the vocabulary, or the order of the candidates."""
        return self._protocol.decide(logits)

    def statistics(
        self, decisions: Sequence[Any], targets: Sequence[Any]
    ) -> npt.NDArray[np.float64]:
        """Return for each question its metrics, then a 1."""
        each = [
            [*self._protocol.scores(decision, target), 1.0]
            for decision, target in zip(decisions, targets, strict=True)
        ]
        return np.array(each, dtype=np.float64).reshape(len(each), len(self.metrics) + 1)

    def score(self, sums: npt.NDArray[np.float64]) -> Mapping[str, npt.NDArray[np.float64]]:
        """Return the metrics for sums of shape (..., metrics + 1)."""
        own = np.asarray(sums, dtype=np.float64)
        count = np.maximum(own[..., -1], 1.0)
        return {name: own[..., i] / count for i, name in enumerate(self.metrics)}

    def segment(self, text: str, spans: Sequence[tuple[int, int]]) -> Segment:
        """Return a user's own question as an input; one span, its subject.

        Raises:
            KpError: KP624, another number of spans; KP662, there are no candidates for it.
        """
        if len(spans) != 1:
            raise KpError(
                "KP624", f"{len(spans)} spans for a question", fix="name one span, its subject"
            )
        return self._protocol.own(text, spans[0])

    def quality(self, decision: Any, target: Any) -> float:
        """Return 1 if any gold answer was named, or ranked first."""
        return self._protocol.scores(decision, target)[0]

    def show(self, decision: Any, example: Example | None = None) -> str:
        """Return the word or the best candidate; of a target its gold answers."""
        if isinstance(decision, dict):
            return ", ".join(decision["answers"])
        return self._protocol.show(decision, None if example is None else example.target)
