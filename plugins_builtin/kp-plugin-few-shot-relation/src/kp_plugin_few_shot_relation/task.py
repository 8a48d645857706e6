"""Few-shot relation classification by pair scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kp_plugin_few_shot_relation.episodes import Pool, read_names
from kpframework import KpError
from kpframework.api import Example, Segment, Task

if TYPE_CHECKING:
    import torch


class FewShotRelation(Task):
    """Which of an episode's N relations holds between a query's head and tail.

    BERT-PAIR (Gao et al., EMNLP 2019), as Zhang et al. (ACL 2023, section 4) use it: the host
    scores the pair of the query and each of the N * K supports with its one output; a relation's
    logit is the mean of its K scores.

    An example is one query. Its segments are the query and the supports, relation by relation; its
    target is the number of its relation within the episode.
    """

    @property
    def labels(self) -> Sequence[str]:
        """The host's one output."""
        return ["same relation"]

    @property
    def metrics(self) -> Sequence[str]:
        """Accuracy over queries."""
        return ["accuracy"]

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return read_names(self.config.names)

    def examples(self, split: str) -> Iterator[Example]:
        """Yield the queries of a split's episodes, those of one episode together.

        Raises:
            KpError: as `Pool`; KP628, test draws a relation that train or dev draws from its file.
        """
        setting, pool = self.config.setting(split), self._pool(split)
        if split == "test":
            self._refuse_seen(pool)
        inputs = tuple((0, support) for support in range(1, setting.pairs + 1))
        for seed in range(setting.first_seed, setting.first_seed + setting.episodes):
            drawn = pool.episode(seed)
            supports = tuple(segment for own in drawn for segment in own.supports)
            relations = [own.relation for own in drawn for _ in own.supports]
            for target, own in enumerate(drawn):
                for number, query in enumerate(own.queries):
                    yield Example(
                        id=f"{seed}/{target}/{number}",
                        segments=(query, *supports),
                        target=target,
                        info={"relations": [own.relation, *relations]},
                        inputs=inputs,
                        group=str(seed),
                    )

    def _pool(self, split: str) -> Pool:
        path = getattr(self.config.data, split)
        return Pool(path, self.config.markers, self.config.setting(split), self._names)

    def _refuse_seen(self, test: Pool) -> None:
        for split in self.config.seen_files():
            shared = sorted(test.instances.keys() & self._pool(split).instances.keys())
            if shared:
                named = ", ".join(self._names.get(name, name) for name in shared[:5])
                more = f" and {len(shared) - 5} more" if len(shared) > 5 else ""
                raise KpError(
                    "KP628",
                    f"test draws relations that {split} draws from the same file: {named}{more}",
                    f"name them in 'exclude_relations' of {split}, or give test another file",
                    where=self.config.data.test,
                )

    def _ways(self, pairs: int) -> int:
        """Return of how many relations so many supports are; the config leaves no doubt."""
        known: dict[int, int] = {
            own.pairs: own.ways for own in (self.config.train, self.config.test)
        }
        return known[pairs]

    def loss(self, logits: torch.Tensor, targets: Sequence[Any]) -> torch.Tensor:
        """Return the mean cross-entropy over queries, whatever their number and that of ways.

        Args:
            logits: shape (queries, N * K, 1).
            targets: of each query the number of its relation.
        """
        import torch

        scores = logits.reshape(len(logits), self._ways(logits.shape[1]), -1).mean(dim=2)
        gold = torch.tensor(targets, dtype=torch.long, device=logits.device)
        return torch.nn.functional.cross_entropy(scores, gold)

    def decide(
        self, logits: npt.NDArray[np.float32], calibration: Mapping[str, float]
    ) -> Sequence[Any]:
        """Return the number of the best relation within the episode; the first of equals."""
        if not len(logits):
            return []
        scores = logits.reshape(len(logits), self._ways(logits.shape[1]), -1).mean(axis=2)
        return [int(best) for best in scores.argmax(axis=1)]

    def statistics(
        self, decisions: Sequence[Any], targets: Sequence[Any]
    ) -> npt.NDArray[np.float64]:
        """Return shape (queries, 2): whether it is right, and 1."""
        right = np.equal(decisions, targets).astype(np.float64)
        return np.stack([right, np.ones_like(right)], axis=1)

    def score(self, sums: npt.NDArray[np.float64]) -> Mapping[str, npt.NDArray[np.float64]]:
        """Return the accuracy for sums of shape (..., 2); 0 where nothing is counted."""
        return {"accuracy": sums[..., 0] / np.maximum(sums[..., 1], 1)}

    def show(self, decision: Any, example: Example | None = None) -> str:
        """Return the relation's name; its number where the episode is not known."""
        if example is None:
            return f"relation {decision + 1} of the episode"
        shots = len(example.inputs) // self._ways(len(example.inputs))
        relation = str(example.info["relations"][1 + decision * shots])
        return self._names.get(relation, relation)

    def class_of(self, example: Example) -> str:
        """Return the name of the query's relation."""
        relation = str(example.info["relations"][0])
        return self._names.get(relation, relation)

    def segment(self, text: str, spans: Sequence[tuple[int, int]]) -> Segment:
        """Refuse a text of its own: a query has no answer without its supports.

        Raises:
            KpError: KP627, always.
        """
        raise KpError(
            "KP627",
            "a few-shot task compares a query with its supports: one text alone has no answer",
            "name another task of the spec",
        )
