"""What an entity's slot holds, apart from any text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import STRIDE


def slot_vectors(attachment: Attachment, name: str, entities: Sequence[str]) -> Any:
    """Return the vectors that a knowledge plugin puts into the input slots of entities.

    Args:
        attachment: of the host.
        name: of the plugin.
        entities: ids; each has a vector.

    Returns:
        Shape (entities, width) in the space of the host's word embeddings; None where the plugin
        does not act on the host's input.
    """
    if "input" not in attachment.sites:
        return None
    embedding: Any = attachment.embedding
    rows = attachment.members[name].rows(entities)
    codes = torch.from_numpy(rows).to(embedding.weight.device)[None]
    words = torch.zeros_like(codes)
    with (
        torch.no_grad(),
        attachment.at_work(codes + attachment.source(name) * STRIDE, torch.ones_like(codes)),
    ):
        return embedding(words)[0]
