"""What every classification task shares: labels from train, losses, decisions, F1."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from kp_plugin_classification import scoring
from kpframework import KpError
from kpframework.api import (
    Edit,
    Example,
    Mention,
    Segment,
    Task,
    marker_edits,
    read_text,
    record_group,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Record:
    """An example before its labels have indices."""

    id: str
    segment: Segment
    labels: tuple[str, ...]
    info: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    group: str = ""
    """Examples of one group are drawn together when intervals are estimated."""


class ClassificationTask(Task):
    """Base of tasks whose answer is one label, or a set of labels.

    A subclass yields `Record` objects. A target is a label's index, or a sorted list of them; of
    the gold labels that the model has no output for, each is a number from `scoring.UNSEEN`
    downwards, in the order in which the split has them.
    """

    roles: ClassVar[tuple[str, ...]] = ("mention",)
    """Roles of the task's own mentions, in order; each has a marker word in ``config.markers``."""
    multi_label: bool = False
    """Whether an answer is a set."""
    at_least_one: bool = False
    """Whether a set is never decided empty."""
    threshold: float | None = None
    """Logit from which on a label is in the set; None chooses it on dev."""

    def marked(self, text: str, mentions: Sequence[Mention]) -> Segment:
        """Return a text with its own mentions between their marker words."""
        edits: tuple[Edit, ...] = ()
        for mention in mentions:
            edits += marker_edits(mention, getattr(self.config.markers, mention.role))
        return Segment(text, tuple(mentions), edits)

    def segment(self, text: str, spans: Sequence[tuple[int, int]]) -> Segment:
        """Return a user's own text as an input; as many spans as there are `roles`.

        Raises:
            KpError: KP624, another number of spans.
        """
        if len(spans) != len(self.roles):
            raise KpError(
                "KP624",
                f"{len(spans)} spans for a task whose inputs have {len(self.roles)}: "
                + ", ".join(self.roles),
                fix="name one span for each",
            )
        return self.marked(
            text,
            [Mention(*span, role=role) for span, role in zip(spans, self.roles, strict=True)],
        )

    @abstractmethod
    def records(self, split: str) -> Iterator[Record]:
        """Yield the records of ``train``, ``dev`` or ``test`` in a stable order.

        Raises:
            KpError: a record is malformed; names file and line.
        """

    def group_of(self, split: str, value: Mapping[str, Any], where: str) -> str:
        """Return what the field named by the option 'group' holds, for a record of test.

        Raises:
            KpError: the record does not have the field, or it holds no text and no number.
        """
        name = self.config.group if split == "test" else None
        return record_group(value, name, where)

    def _given_labels(self) -> list[str] | None:
        """Return the labels that the config gives, if it has such an option."""
        path = getattr(self.config, "labels_file", None)
        if path is not None:
            return [line.strip() for line in read_text(path).split("\n") if line.strip()]
        given = getattr(self.config, "labels", None)
        return None if given is None else list(given)

    @cached_property
    def labels(self) -> Sequence[str]:
        """The labels given by the config, else those of train, sorted."""
        if self.context.labels:
            return list(self.context.labels)
        found = self._given_labels()
        if found is None:
            found = sorted({label for record in self.records("train") for label in record.labels})
        if len(found) < (1 if self.multi_label else 2) or len(set(found)) != len(found):
            raise KpError(
                "KP621",
                f"{len(found)} labels, {len(set(found))} of them different; "
                "a classification needs two or more, each once",
                fix="give train examples of several labels, or correct the labels given",
            )
        return found

    @cached_property
    def _index(self) -> dict[str, int]:
        return {label: i for i, label in enumerate(self.labels)}

    def examples(self, split: str) -> Iterator[Example]:
        """Yield the examples of a split; their ids are unique within it."""
        seen: set[str] = set()
        index = dict(self._index)
        for record in self.records(split):
            if record.id in seen:
                raise KpError(
                    "KP622",
                    f"two examples of {split} have the id {record.id!r}",
                    fix="give every example an id of its own, or none any",
                    where=record.where,
                )
            seen.add(record.id)
            for label in record.labels:
                index.setdefault(label, scoring.UNSEEN - len(index) + len(self._index))
            indices = sorted(index[label] for label in record.labels)
            if split == "train" and indices and indices[0] <= scoring.UNSEEN:
                raise KpError(
                    "KP623",
                    f"a training example has the labels {', '.join(record.labels)}, "
                    "of which one is not among those given",
                    fix="add it to them, or leave 'labels' and 'labels_file' out",
                    where=record.where,
                )
            target: Any = indices if self.multi_label else indices[0]
            yield Example(record.id, (record.segment,), target, record.info, group=record.group)

    def prior(self, targets: Sequence[Any]) -> Sequence[float] | None:
        """Return the smoothed log-odds of each label (sets), or log-frequencies."""
        counts = np.zeros(len(self.labels))
        for target in targets:
            counts[target] += 1
        share = (counts + 0.5) / (len(targets) + 1)
        logits = np.log(share) - (np.log1p(-share) if self.multi_label else 0.0)
        return [float(value) for value in logits]

    @property
    def metrics(self) -> Sequence[str]:
        """Micro-F1 (sets) or accuracy (one label) first, then macro-F1."""
        return ["micro_f1" if self.multi_label else "accuracy", "macro_f1"]

    def loss(self, logits: torch.Tensor, targets: Sequence[Any]) -> torch.Tensor:
        """Return the mean cross-entropy, binary for sets; unseen labels are left out."""
        import torch
        from torch.nn import functional

        if self.multi_label:
            gold = torch.zeros(logits.shape, dtype=logits.dtype)
            for row, labels in enumerate(targets):
                gold[row, [label for label in labels if label > scoring.UNSEEN]] = 1.0
            return functional.binary_cross_entropy_with_logits(logits, gold.to(logits.device))
        gold = torch.tensor(targets, dtype=torch.long).clamp(min=scoring.UNSEEN)
        known = max(1, int((gold != scoring.UNSEEN).sum()))
        total = functional.cross_entropy(
            logits, gold.to(logits.device), ignore_index=scoring.UNSEEN, reduction="sum"
        )
        return total / known

    def _scores(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return scoring.force_best(logits) if self.at_least_one else logits.astype(np.float64)

    def calibrate(
        self, logits: npt.NDArray[np.float32], targets: Sequence[Any]
    ) -> Mapping[str, float]:
        """Return the ``threshold`` of sets, if not given the one with the highest micro-F1."""
        if not self.multi_label:
            return {}
        if self.threshold is not None:
            return {"threshold": self.threshold}
        return {"threshold": scoring.best_threshold(self._scores(logits), targets)}

    def decide(
        self, logits: npt.NDArray[np.float32], calibration: Mapping[str, float]
    ) -> Sequence[Any]:
        """Return the best label's index, or the sorted indices at or above the threshold (or 0)."""
        if not self.multi_label:
            return [int(best) for best in logits.argmax(axis=1)] if len(logits) else []
        chosen = self._scores(logits) >= calibration.get("threshold", 0.0)
        return [np.flatnonzero(row).tolist() for row in chosen]

    def probabilities(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the sigmoid of each label for sets, else the softmax."""
        if not self.multi_label:
            return super().probabilities(logits)
        return 1 / (1 + np.exp(-logits.astype(np.float64).clip(-500, 500)))

    def statistics(
        self, decisions: Sequence[Any], targets: Sequence[Any]
    ) -> npt.NDArray[np.float64]:
        """Return `scoring.counts`, with a class for each label that the targets have."""
        if not self.multi_label:
            decisions, targets = [[d] for d in decisions], [[t] for t in targets]
        return scoring.counts(decisions, targets, len(self.labels))

    def score(self, sums: npt.NDArray[np.float64]) -> Mapping[str, npt.NDArray[np.float64]]:
        """Return the metrics for sums of `statistics`, of shape (..., 3 * classes)."""
        first = scoring.micro_f1 if self.multi_label else scoring.accuracy
        return {self.metrics[0]: first(sums), "macro_f1": scoring.macro_f1(sums)}

    def show(self, decision: Any, example: Example | None = None) -> str:
        """Return the labels' names, comma-separated for sets."""
        if self.multi_label:
            return ", ".join(self._name(label) for label in decision) or "(none)"
        return self._name(decision)

    def _name(self, label: int) -> str:
        return "(not among the labels)" if label <= scoring.UNSEEN else self.labels[label]
