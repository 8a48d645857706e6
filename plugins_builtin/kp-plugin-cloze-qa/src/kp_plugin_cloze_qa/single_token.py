"""EntityQuestions as published: one hidden token, the best of the whole vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from kp_plugin_cloze_qa.protocol import Protocol
from kp_plugin_cloze_qa.questions import Question
from kp_plugin_cloze_qa.template import Sentence
from kpframework.api import Example, Segment, literal_ids

if TYPE_CHECKING:
    import torch

LONG = "no answer of one token"


class SingleToken(Protocol):
    """Zhang et al., ACL 2023, section 4 (EntityQuestions).

    A question is kept if one of its gold answers is one token. A target holds all of those as
    entries of the vocabulary: the first is trained on, any of them is right. A decision is an
    entry of the vocabulary.
    """

    metrics = ("accuracy",)
    needs_tokenizer = True

    def __init__(self, config: Any, tokenizer: Callable[[], Any]) -> None:
        super().__init__(config, tokenizer)
        self._known: dict[str, str | None] = {}

    @property
    def reads(self) -> Literal["words"]:
        """The logits of the whole vocabulary."""
        return "words"

    def unusable(self, question: Question) -> str:
        """Return `LONG` if no answer is one token."""
        return "" if self._words(question) else LONG

    def example(self, split: str, question: Question) -> Example:
        """Return the question with the first answer of one token hidden."""
        words = self._words(question)
        segment = self.segment(question.sentence, question.entity, next(iter(words.values())))
        target = {"answers": list(question.answers), "words": list(words)}
        return Example(question.id, (segment,), target, self.info(question), group=question.group)

    def _words(self, question: Question) -> dict[str, str]:
        """Return entries of the vocabulary, and the answer each is the whole of."""
        found: dict[str, str] = {}
        for answer in question.answers:
            if answer not in self._known:
                self._known[answer] = _entry(self.tokenizer(), answer)
            if (word := self._known[answer]) is not None:
                found.setdefault(word, answer)
        return found

    def own(self, text: str, span: tuple[int, int]) -> Segment:
        """Return the text with one token hidden at its end."""
        text = text.rstrip()
        return self.segment(Sentence(text, span, len(text)), "", "/")

    def loss(self, logits: torch.Tensor, targets: Sequence[Any]) -> torch.Tensor:
        """Return the mean cross-entropy of each question's first word."""
        import torch

        words = [target["words"][0] for target in targets]
        ids = self.tokenizer().convert_tokens_to_ids(words)
        gold = torch.tensor(ids, device=logits.device)
        return torch.nn.functional.cross_entropy(logits, gold)

    def decide(self, logits: npt.NDArray[np.float32]) -> list[Any]:
        """Return the entry with the highest logit, the first of equals."""
        if not len(logits):
            return []
        found: list[Any] = self.tokenizer().convert_ids_to_tokens(logits.argmax(axis=1).tolist())
        # A host's output may be wider than its vocabulary.
        return [word or "" for word in found]

    def scores(self, decision: Any, target: Any) -> tuple[float, ...]:
        """Return 1 for any gold word."""
        return (float(decision in target["words"]),)

    def show(self, decision: Any, target: Any) -> str:
        """Return the word without the mark of a space before it."""
        return str(decision).lstrip("Ġ▁") or "(nothing)"


def _entry(tokenizer: Any, answer: str) -> str | None:
    """Return the entry of the vocabulary that an answer is in the middle of a sentence, or None."""
    ids = literal_ids(tokenizer, answer)
    if len(ids) != 1 or ids[0] in tokenizer.all_special_ids:
        return None
    entry: str = tokenizer.convert_ids_to_tokens(ids[0])
    return entry
