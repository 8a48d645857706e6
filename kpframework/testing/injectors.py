"""The smallest injector there is, for tests of what surrounds injectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from kpframework.api.injector import EntitySpace, HostHandle, Injector
from kpframework.api.text import Edit, Insertion, Literal, Mention, Segment, Slot


class SlotInjector(Injector):
    """One mapped slot and a slash before each mention; nothing decides how it is trained."""

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        """Return ``slot /`` before each mention."""
        return [Insertion(m.start, (Slot(m.entity), Literal("/")), rank=1) for m in mentions]

    def build(self, source: EntitySpace, host: HostHandle) -> torch.nn.Module:
        """Return an affine map."""
        return torch.nn.Linear(source.dim, host.width)

    def patch(self, host: HostHandle, module: torch.nn.Module | None) -> None:
        """Overwrite slots by mapped vectors."""
        if module is not None:
            host.input_embeddings(lambda output, entities: entities.overwrite(output, module))
