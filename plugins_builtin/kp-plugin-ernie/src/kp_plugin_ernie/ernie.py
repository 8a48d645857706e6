"""ERNIE itself: host and entity stream are pre-trained together, then fine-tuned on the task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from kp_plugin_ernie.entity_autoencoder import CORRUPTION, decoder, entity_loss
from kp_plugin_ernie.k_encoder import FusionLayer, KEncoder
from kpframework import KpError
from kpframework.api import (
    Anchor,
    CorpusBatch,
    Edit,
    Entities,
    EntitySpace,
    HostHandle,
    Injector,
    Mention,
    Segment,
    Stage,
    TrainingSession,
)

Fused = Callable[[torch.Tensor, Entities], torch.Tensor]


class Ernie(Injector):
    """Zhang et al., ACL 2019, section 3; every parameter of the host is trained."""

    trains_host = True
    acts_always = True
    kb_update = "retrain"

    @property
    def stage(self) -> Stage:
        """Fine-tuned on the task, after pre-training on a corpus."""
        return "task"

    @property
    def corpus(self) -> str:
        """Id of the corpus of the pre-training."""
        return str(self.config.pretrain.corpus)

    @property
    def corpus_length(self) -> int:
        """Longest passage of the pre-training."""
        return int(self.config.pretrain.max_length)

    @property
    def language_model(self) -> bool:
        """Whether tokens are masked in the pre-training."""
        return bool(self.config.pretrain.mlm)

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        """Mark the first token of each mention: section 3.2 aligns an entity there."""
        return [Anchor(m.start, m.end, m.entity) for m in mentions]

    def build(self, source: EntitySpace, host: HostHandle) -> torch.nn.Module:
        """Return the entity stream for the host's upper layers.

        Raises:
            KpError: KP463, the heads do not divide the width of the entity vectors.
        """
        if source.dim % self.config.heads:
            raise KpError(
                "KP463",
                f"{self.config.heads} heads do not divide entity vectors of width {source.dim}",
                "set 'heads' to a divisor of the width",
            )
        widths = [host.feed_forward_width(i) for i in range(self._first(host), host.layers)]
        return KEncoder(source, widths, self.config.heads)

    def patch(self, host: HostHandle, module: torch.nn.Module | None) -> None:
        """Turn the upper layers' feed-forward blocks into fusions."""
        assert isinstance(module, KEncoder)
        for index, layer in enumerate(module.layers, self._first(host)):
            assert isinstance(layer, FusionLayer)
            host.feed_forward(index, *_fusing(module, layer))

    def fit(self, session: TrainingSession) -> None:
        """Pre-train host and stream by dEA (and MLM), then adapt the host on the task."""
        pretrain, encoder = self.config.pretrain, session.module
        assert isinstance(encoder, KEncoder)
        dim = encoder.layers[0].into.in_features  # type: ignore[union-attr]
        head = decoder(session.host.width, int(dim), session.seed)  # type: ignore[arg-type]

        def loss(batch: CorpusBatch) -> torch.Tensor:
            own = entity_loss(head, batch, encoder.rms)
            return own if batch.language_model is None else own + batch.language_model

        session.corpus_objective(
            pretrain,
            loss,
            masking="tokens" if pretrain.mlm else "none",
            corruption=CORRUPTION,
            heads=head,
            train_host=True,
        )
        session.adapt_host()

    def _first(self, host: HostHandle) -> int:
        own = self.config.first
        return max(0, host.layers // 2 - 1) if own is None else int(own)


def _fusing(encoder: KEncoder, layer: FusionLayer) -> tuple[Fused, Fused]:
    def before(pre: torch.Tensor, entities: Entities) -> torch.Tensor:
        memo = entities.memo
        if "stream" not in memo:
            memo["stream"], memo["there"] = encoder.start(entities)
        memo["entered"] = layer.enter(memo["stream"], memo["there"])
        return pre + layer.into(memo["entered"]).to(pre.dtype)

    def after(inner: torch.Tensor, entities: Entities) -> torch.Tensor:
        entities.memo["stream"] = layer.leave(inner, entities.memo["entered"])
        return inner

    return before, after
