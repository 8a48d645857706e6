"""PELT: how an entity's vector is made, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from kpframework import KpError
from kpframework.api import (
    Edit,
    HostHandle,
    Injector,
    Mention,
    Segment,
    Stage,
    TrainingSession,
    slot_edit,
)


class Pelt(Injector):
    """Ye et al., Findings of ACL 2022: section 3.1 (the vectors), 3.2 (the layout)."""

    needs_entities = False
    makes_entities = True
    kb_update = "refit"

    @property
    def stage(self) -> Stage:
        """A linked corpus and a language model."""
        return "general"

    @property
    def corpus(self) -> str:
        """Id of the corpus."""
        return str(self.config.corpus)

    @property
    def corpus_length(self) -> int:
        """Longest passage read."""
        return int(self.config.max_length)

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        """Return a slot for each mention, in the layout of the options."""
        return [slot_edit(mention, self.config.layout) for mention in mentions]

    def patch(self, host: HostHandle, module: torch.nn.Module | None) -> None:
        """Overwrite the slots' word embeddings by the entity vectors as they are."""
        as_it_is = torch.nn.Identity()
        host.input_embeddings(lambda output, entities: entities.overwrite(output, as_it_is))

    def fit(self, session: TrainingSession) -> None:
        """Sum the outputs at each entity's masked mentions, and scale the sum.

        Raises:
            KpError: KP462, input and output embeddings of the language model differ in width.
        """
        model: Any = session.host.model
        words = model.get_input_embeddings().weight.detach().float()
        rows: dict[str, int] = {}
        sums = np.zeros((0, words.shape[1]))
        read = 0
        for entities, states in session.mention_states(self.config.mentions):
            if states.shape[1] != words.shape[1]:
                raise KpError(
                    "KP462",
                    f"the language model's outputs are {states.shape[1]} wide, its word "
                    f"embeddings {words.shape[1]}: an output cannot stand in the input",
                    "use a language model with tied input and output embeddings",
                )
            own = [rows.setdefault(entity, len(rows)) for entity in entities]
            if len(rows) > len(sums):
                # Twice the room, so that a corpus of many entities is not copied for every batch.
                more = np.zeros((max(len(rows) - len(sums), len(sums)), words.shape[1]))
                sums = np.concatenate([sums, more])
            np.add.at(sums, own, states)
            read += len(own)
        sums = sums[: len(rows)]
        length = self.config.length or float(words.norm(dim=1).mean())
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        vectors = sums * (length / np.maximum(norms, np.finfo(np.float32).tiny))
        session.put_entities(list(rows), vectors.astype(np.float32))
        session.note("mentions read", read)
        session.note("length", length)
