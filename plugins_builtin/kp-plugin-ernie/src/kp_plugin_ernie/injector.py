"""ERNIE-style fusion, gated, inside a frozen host: the plug-and-play form."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from kp_plugin_ernie.config import FusionGeneralStage
from kp_plugin_ernie.entity_autoencoder import CORRUPTION, decoder, entity_loss
from kpframework.api import (
    Anchor,
    CorpusBatch,
    Edit,
    Entities,
    EntitySpace,
    HostHandle,
    Mention,
    Segment,
    StagedInjector,
    TrainingSession,
)


class Fusion(torch.nn.Module):
    """The fusion of a token's state with an entity's vector, for the token stream alone.

    Zhang et al., ACL 2019, equation 4: ``h = gelu(W_t w + W_e e + b)``; the projection back is
    scaled by ``tanh(gate)``, which starts at 0.

    Args:
        source: the entity space.
        width: width of a token's state.
        hidden: width of ``h``.
    """

    def __init__(self, source: EntitySpace, width: int, hidden: int) -> None:
        super().__init__()
        self.rms: torch.Tensor
        self.register_buffer("rms", torch.tensor(source.rms))
        self.token = torch.nn.Linear(width, hidden)
        self.entity = torch.nn.Linear(source.dim, hidden, bias=False)
        self.back = torch.nn.Linear(hidden, width)
        self.gate = torch.nn.Parameter(torch.zeros(()))

    def forward(self, states: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Return new states: (n, width) and (n, dim) to (n, width)."""
        hidden = torch.nn.functional.gelu(self.token(states) + self.entity(vectors / self.rms))
        fused: torch.Tensor = states + torch.tanh(self.gate) * self.back(hidden)
        return fused


class ErnieFusion(StagedInjector):
    """After Zhang et al., ACL 2019, section 3.4; the host stays frozen, so it is not ERNIE."""

    kb_update = "free"

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        """Mark the first token of each mention: section 3.2 aligns an entity there."""
        return [Anchor(m.start, m.end, m.entity) for m in mentions]

    def build(self, source: EntitySpace, host: HostHandle) -> torch.nn.Module:
        """Return the fusion block."""
        return Fusion(source, host.width, self.config.hidden or 4 * host.width)

    def patch(self, host: HostHandle, module: torch.nn.Module | None) -> None:
        """Fuse at the marked tokens, after the layer."""
        assert module is not None

        def fuse(hidden: torch.Tensor, entities: Entities) -> torch.Tensor:
            where = entities.rows, entities.columns
            fused = module(hidden[where], entities.vectors[entities.inverse])
            return hidden.index_put(where, fused.to(hidden.dtype))

        host.layer(self.config.layer, fuse)

    def fit(self, session: TrainingSession) -> None:
        """Train the fusion; in a general stage by MMLM and dEA together, unless dEA weighs 0."""
        train = self.config.train
        if not (isinstance(train, FusionGeneralStage) and train.dea):
            super().fit(session)
            return
        fusion = session.module
        assert isinstance(fusion, Fusion)
        head = decoder(session.host.width, fusion.entity.in_features, session.seed)

        def loss(batch: CorpusBatch) -> torch.Tensor:
            assert batch.language_model is not None  # mentions are masked
            return batch.language_model + train.dea * entity_loss(head, batch, fusion.rms)

        session.corpus_objective(
            train,
            loss,
            masking="mentions",
            corruption=CORRUPTION,
            heads=head,
            dropout=train.dropout,
        )
