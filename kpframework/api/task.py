"""Tasks: examples, a loss, decisions, and sufficient statistics of a metric."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from typing import Literal as OneOf

from kpframework.api.context import Context
from kpframework.api.text import Mention, Segment

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from kpframework.api.text import Example


class Task(ABC):
    """A task reads its splits and knows how a model's outputs are trained on, decided and scored.

    Logits have shape (examples, outputs); (examples, inputs, outputs) where an example has several
    inputs (`Example.inputs`). What an output is, `reads` says.

    A metric is a function of *sums of per-example statistics* (correct and count for accuracy; true
    positives, predicted and gold for F1), so that subsets and bootstrap intervals come at no cost.
    """

    # Of the class, or of an instance where it depends on the options.
    head: str = "sequence-classification"
    """Which head the host has: ``sequence-classification``, or ``language-model``: a masked or a
    causal one, whichever the host is. The component's `capabilities` name it, too, where it is not
    the first: ``{"head": "language-model"}``."""
    reads: OneOf["head", "words", "likelihood", "total-likelihood"] = "head"
    """What is read of each input: the ``head``'s outputs, one for each of `labels`; of a language
    model, the logits of all ``words`` of the vocabulary at the one `Hidden` token; or the
    ``likelihood``, the mean log-probability of the `Hidden` tokens, one output, or their sum with
    ``total-likelihood``. Of an input without a hidden token the likelihood is minus infinity, so
    that such inputs fill up where an example has fewer than others."""
    needs_tokenizer: bool = False
    """Whether reading the examples takes the backbone's tokenizer (`Context.tokenizer`)."""

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @property
    def max_length(self) -> int:
        """Longest input in tokens, special tokens, markers and slots included."""
        return int(self.config.max_length)

    @abstractmethod
    def examples(self, split: str) -> Iterator[Example]:
        """Yield the examples of ``train``, ``dev`` or ``test`` in a stable order.

        Raises:
            KpError: a line is malformed; names file and line.
        """

    @property
    @abstractmethod
    def labels(self) -> Sequence[str]:
        """Names of the outputs of a classification head, in order; read from train alone.

        ``context.labels`` holds them where an earlier step of the run has read them.
        """

    @property
    @abstractmethod
    def metrics(self) -> Sequence[str]:
        """Names of the metrics, in [0, 1], higher is better; the first selects and compares."""

    @abstractmethod
    def loss(self, logits: torch.Tensor, targets: Sequence[Any]) -> torch.Tensor:
        """Return the mean loss of a batch; of examples with several inputs, the mean over examples.

        Such a batch is computed in parts, whose losses are weighed by their numbers of examples.
        """

    def prior(self, targets: Sequence[Any]) -> Sequence[float] | None:
        """Return the logits a new head's bias starts from, or None to leave it at 0.

        Args:
            targets: those of the training examples.

        With the training labels' log-odds a head need not first learn how rare its labels are
        (Lin et al., ICCV 2017, section 3.3), which takes most of a short training.
        """
        return None

    def calibrate(
        self, logits: npt.NDArray[np.float32], targets: Sequence[Any]
    ) -> Mapping[str, float]:
        """Return what is chosen on dev, such as a threshold, for `decide`."""
        return {}

    @abstractmethod
    def decide(
        self, logits: npt.NDArray[np.float32], calibration: Mapping[str, float]
    ) -> Sequence[Any]:
        """Return one JSON-able answer an example."""

    @abstractmethod
    def statistics(
        self, decisions: Sequence[Any], targets: Sequence[Any]
    ) -> npt.NDArray[np.float64]:
        """Return shape (examples, k): what `score` needs summed."""

    @abstractmethod
    def score(self, sums: npt.NDArray[np.float64]) -> Mapping[str, npt.NDArray[np.float64]]:
        """Return each metric for sums of shape (..., k), as arrays of shape (...)."""

    def probabilities(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return a probability for each of `labels`, to be shown beside an answer.

        By default the softmax over the labels; a task whose answer is a set gives each label its
        own, by the sigmoid.

        Args:
            logits: of a classification head, shape (examples, labels).
        """
        import numpy as np

        raised = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
        shares: npt.NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
        return shares

    def segment(self, text: str, spans: Sequence[tuple[int, int]]) -> Segment:
        """Return a user's own text as an input of this task, its own mentions at ``spans``.

        Raises:
            KpError: the task's inputs have another number of mentions.
        """
        return Segment(text, tuple(Mention(start, end, role="mention") for start, end in spans))

    def quality(self, decision: Any, target: Any) -> float:
        """Return how good a decision is, in [0, 1]: 1 is right. Sets are compared by F1."""
        if not isinstance(target, list):
            return float(decision == target)
        both = len(set(decision) & set(target))
        return 2 * both / max(1, len(decision) + len(target)) if decision or target else 1.0

    def show(self, decision: Any, example: Example | None = None) -> str:
        """Return a decision (or a target) in words, for the report.

        Args:
            decision: of the task.
            example: what it is about; None where it is not known, as for a user's own text.
        """
        return str(decision)

    def class_of(self, example: Example) -> str:
        """Return the name of the class that an example is counted in, empty for none.

        The report shows the metrics of each class, such as a relation: by default the one label of
        a classification. A metric is then over the examples whose gold answer is of that class, so
        that accuracy is its recall.
        """
        if example.inputs or type(example.target) is not int or example.target < 0:
            return ""
        return self.show(example.target, example) if self.head != "language-model" else ""

    def counts(self) -> Mapping[str, int]:
        """Return what was counted while the examples were read, such as how many were left out.

        Names say of which split: train and dev are read by one step, test by another. The record
        and the report show them.
        """
        return {}

    def files(self) -> Sequence[Path]:
        """Return files read that no option names; they enter the key."""
        return ()
