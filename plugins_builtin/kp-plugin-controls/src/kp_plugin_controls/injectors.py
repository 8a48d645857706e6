"""The bare host, and a probe of the entity vectors."""

from collections.abc import Sequence

import torch

from kpframework.api import (
    Anchor,
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


class NoInjection(Injector):
    """Nothing enters the host."""

    kb_update = "none"
    needs_entities = False


class _Standardised(torch.nn.Module):
    def __init__(self, source: EntitySpace, outputs: int) -> None:
        super().__init__()
        self.register_buffer("rms", torch.tensor(source.rms))
        self.map = torch.nn.Linear(source.dim, outputs)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.map(vectors / self.rms)  # type: ignore[no-any-return]


class Probe(Injector):
    """An affine map from entity vector to the task's outputs, in the place of the host's logits.

    Only the task's own mentions count; where there are several the maps of all are added. An
    example without a linked mention keeps the frozen host's answer.
    """

    kb_update = "retrain"

    @property
    def stage(self) -> Stage:
        """The task's loss."""
        return "task"

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        """Mark the task's mentions; nothing is inserted."""
        return [Anchor(m.start, m.end, m.entity) for m in mentions if m.role]

    def build(self, source: EntitySpace, host: HostHandle) -> torch.nn.Module:
        """Return the affine map."""
        return _Standardised(source, host.outputs)

    def patch(self, host: HostHandle, module: torch.nn.Module | None) -> None:
        """Replace the logits of rows that hold an entity."""
        assert module is not None

        def answer(logits: torch.Tensor, entities: Entities) -> torch.Tensor:
            mapped = module(entities.vectors)[entities.inverse]
            own = torch.zeros_like(logits).index_add(0, entities.rows, mapped)
            touched = torch.zeros(len(logits), 1, dtype=torch.bool, device=logits.device)
            touched[entities.rows] = True
            return torch.where(touched, own, logits)

        host.logits(answer)

    def fit(self, session: TrainingSession) -> None:
        """Train the map by the task's loss."""
        session.task(self.config.train)
