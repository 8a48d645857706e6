"""K-Adapter, plugged into a frozen host and beside a host that is fine-tuned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from kp_plugin_k_adapter.adapter import Adapter, spread, visible
from kp_plugin_k_adapter.config import FactualStage
from kp_plugin_k_adapter.factual import RelationHead, RelationIndex, relation_loss
from kpframework import KpError
from kpframework.api import (
    Anchor,
    CorpusBatch,
    Edit,
    Entities,
    EntitySpace,
    HostHandle,
    Injector,
    KnowledgeBase,
    Mention,
    Segment,
    Stage,
    StagedInjector,
    TrainingSession,
    own_generators,
)


class _Adapted(Injector):
    """What both forms share: the adapter on hidden states, and its factual training."""

    needs_entities = False
    needs_kb = True
    kb_update = "retrain"

    def prepare(self, kb: KnowledgeBase) -> None:
        """Keep the knowledge base; its triples are read where the adapter is trained."""
        self._kb = kb

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        """Mark the first token of each mention; relations are read there."""
        return [Anchor(m.start, m.end, m.entity) for m in mentions]

    def build(self, source: EntitySpace, host: HostHandle) -> torch.nn.Module:
        """Return the adapter."""
        config = self.config
        shape = (config.width, config.heads, config.hidden, config.depth)
        states = config.states or spread(host.layers)
        return Adapter(host.width, states, shape, getattr(config, "fusion", "gate"))

    def patch(self, host: HostHandle, module: torch.nn.Module | None) -> None:
        """Run the adapter beside the host, and fuse the two at the last hidden state."""
        assert isinstance(module, Adapter)
        causal = host.causal
        for state, layer in zip(module.states, module.layers, strict=True):
            host.hidden_state(state, self._fed(layer, causal))

        def fuse(hidden: torch.Tensor, entities: Entities) -> torch.Tensor:
            memo = entities.memo
            rows = memo["rows"]
            memo["last"] = hidden[rows]
            fused = module.fused(memo["last"], memo["adapted"])
            return hidden.index_copy(0, rows, fused.to(hidden.dtype))

        host.hidden_state(-1, fuse)

    def _fed(
        self, layer: torch.nn.Module, causal: bool
    ) -> Callable[[torch.Tensor, Entities], torch.Tensor]:
        def feed(hidden: torch.Tensor, entities: Entities) -> torch.Tensor:
            memo = entities.memo
            if "rows" not in memo:
                # A text without a mention stays the bare host's, unless the host is trained.
                memo["rows"] = (
                    torch.arange(len(hidden), device=hidden.device)
                    if self.acts_always
                    else entities.rows.unique()
                )
                memo["seen"] = visible(entities.mask[memo["rows"]], causal)
                memo["adapted"] = 0
            memo["adapted"] = layer(hidden[memo["rows"]] + memo["adapted"], memo["seen"])
            return hidden

        return feed

    def _train_on_facts(self, session: TrainingSession, stage: FactualStage) -> None:
        """Train the adapter by relation classification, the host frozen.

        Raises:
            KpError: KP464, no passage has two mentions that a relation joins.
        """
        index, module = RelationIndex(self._kb), session.module
        width = session.host.width
        with own_generators(session.seed):
            head = RelationHead(width, index.count)

        def loss(batch: CorpusBatch) -> torch.Tensor:
            memo = batch.given.memo
            states = batch.hidden.new_zeros(*batch.hidden.shape[:2], 2 * width)
            beside = torch.cat([memo["last"], memo["adapted"]], dim=-1)
            states = states.index_copy(0, memo["rows"], beside.to(states.dtype))
            return relation_loss(head, batch, index, states)

        module.requires_grad_(False)
        module.layers.requires_grad_(True)  # type: ignore[union-attr]
        try:
            session.corpus_objective(
                stage, loss, heads=head, keep=index.joins, max_length=stage.max_length
            )
        except KpError as error:
            if error.code != "KP741":
                raise
            raise KpError(
                "KP464",
                f"no passage of the corpus {stage.corpus!r} that fits has two linked mentions that "
                f"a relation joins: {error.problems[0].message}",
                "take a corpus that is closer to the knowledge base, another linker, or a greater "
                "max_length",
            ) from error
        session.note("relations", index.count)
        module.requires_grad_(True)


class KAdapter(_Adapted, StagedInjector):
    """After Wang et al., 2021: the host and its head stay, the adapter comes in through a gate."""

    @property
    def corpus(self) -> str:
        """Id of the corpus of the factual stage, or of a general one."""
        factual = self.config.factual
        return str(factual.corpus) if factual else super().corpus

    @property
    def corpus_length(self) -> int:
        """Longest masked item of a general stage; the factual stage has its own."""
        return int(getattr(self.config.train, "max_length", 64))

    @property
    def language_model(self) -> bool:
        """Whether the gate is trained by mention-masked language modelling."""
        return self.stage == "general"

    def fit(self, session: TrainingSession) -> None:
        """Train the adapter on facts, then the gate by the stage's objective."""
        module: Any = session.module
        if self.config.factual:
            self._train_on_facts(session, self.config.factual)
        module.layers.requires_grad_(self.config.tune_adapter)
        super().fit(session)
        module.layers.requires_grad_(bool(self.config.factual) or self.config.tune_adapter)


class KAdapterFinetuned(_Adapted):
    """Wang et al., 2021, section 3.1: downstream the adapter is frozen and the host is trained."""

    trains_host = True
    acts_always = True

    @property
    def stage(self) -> Stage:
        """The host is adapted on the task."""
        return "task"

    @property
    def corpus(self) -> str:
        """Id of the corpus of the factual stage."""
        return str(self.config.factual.corpus)

    @property
    def language_model(self) -> bool:
        """The factual stage reads hidden states alone."""
        return False

    def fit(self, session: TrainingSession) -> None:
        """Train the adapter on facts, then adapt the host with the adapter frozen."""
        module: Any = session.module
        self._train_on_facts(session, self.config.factual)
        module.layers.requires_grad_(False)
        session.adapt_host()
        module.layers.requires_grad_(True)
