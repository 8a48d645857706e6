"""Map-tuning: the input edit, the mapper, and where it acts on the host."""

from collections.abc import Sequence

import torch

from kpframework.api import (
    Edit,
    EntitySpace,
    HostHandle,
    Mention,
    Segment,
    Stage,
    StagedInjector,
    TrainingSession,
    slot_edit,
)


class ScaledMapper(torch.nn.Module):
    """A mapper between two spaces of known scale: (n, source) to (n, width).

    Args:
        mapper: the mapping network.
        source_rms: entity vectors are divided by it.
        target_rms: mapped vectors are multiplied by it; 1 leaves them.
    """

    def __init__(self, mapper: torch.nn.Module, source_rms: float, target_rms: float) -> None:
        super().__init__()
        self.mapper = mapper
        self.register_buffer("source_rms", torch.tensor(source_rms))
        self.register_buffer("target_rms", torch.tensor(target_rms))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Map entity vectors to the host's input space."""
        mapped: torch.Tensor = self.mapper(vectors / self.source_rms)
        return mapped * self.target_rms


class MapTuning(StagedInjector):
    """Zhang et al., ACL 2023: section 3.1 (the mapping), 3.2 (its training).

    Nothing but the mapper is trained, and a changed entity vector needs no training at all.
    """

    kb_update = "free"

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        """Return a slot for each mention, in the layout of the options."""
        return [slot_edit(mention, self.config.layout) for mention in mentions]

    def build(self, source: EntitySpace, host: HostHandle) -> torch.nn.Module:
        """Return the mapper from the entity space to the host's word embeddings."""
        mapper = self.context.create("mapper", self.config.mapper)
        network = mapper.build(source.dim, host.width)
        scale = self.config.scale
        return ScaledMapper(
            network,
            1.0 if scale == "none" else source.rms,
            host.embedding_rms if scale == "host" else 1.0,
        )

    def patch(self, host: HostHandle, module: torch.nn.Module | None) -> None:
        """Overwrite the slots' word embeddings by mapped entity vectors."""
        assert module is not None
        host.input_embeddings(lambda output, entities: entities.overwrite(output, module))


class FineTuningWithMapper(MapTuning):
    """Zhang et al., ACL 2023, section 4: a new host is fine-tuned with a trained mapper at work.

    Not plug-and-play: it tells what a host gains that may get used to the slots. The mapper comes
    from the row named by ``init``, or is trained with the host.
    """

    trains_host = True
    kb_update = "free"

    @property
    def stage(self) -> Stage:
        """A task, whose host is made anew."""
        return "task"

    @property
    def corpus(self) -> str:
        """None."""
        return ""

    def fit(self, session: TrainingSession) -> None:
        """Adapt the host; the mapper stays as it is unless it is to be trained too."""
        session.module.requires_grad_(self.config.train_mapper)
        session.adapt_host()
