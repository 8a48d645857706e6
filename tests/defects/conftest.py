"""A tiny host with the shipped map-tuning on it, and texts to link."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kpframework.api import Context, Mention, Segment
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder
from kpframework.inject.freezing import freeze
from kpframework.inject.plug import plug
from kpframework.testing.injectors import SlotInjector
from kpframework.testing.tiny import tiny_model, tiny_table, tiny_tokenizer


class Rig:
    """A host, its tokenizer, and one knowledge plugin on it."""

    def __init__(self, architecture: str = "bert-classifier", table: Any = None) -> None:
        self.tokenizer = tiny_tokenizer(architecture)
        self.model = freeze(tiny_model(architecture, len(self.tokenizer)))
        self.attachment = Attachment(self.model)
        made = SlotInjector(None, Context())
        self.knowledge = plug(self.attachment, "kb", made, table or tiny_table())

    @staticmethod
    def mention(text: str, word: str, entity: str = "E3", role: str = "") -> Mention:
        return Mention(text.index(word), text.index(word) + len(word), entity, role=role)

    def linked(self, text: str, word: str, entity: str = "E3") -> EditedSegment:
        return self.knowledge.edit(Segment(text), [self.mention(text, word, entity)])

    def batch(self, rows: list[EditedSegment], max_length: int = 64) -> dict[str, torch.Tensor]:
        encoder = InputEncoder(self.tokenizer, max_length)
        collate = Collator(self.tokenizer, encoder.special.pad_id, [self.knowledge.rows])
        return collate(encoder.encode([[row] for row in rows])).inputs

    def embedded(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return what the host's embedding module gives: shape (rows, width, hidden)."""
        seen: list[torch.Tensor] = []
        module = self.model.get_input_embeddings()
        handle = module.register_forward_hook(lambda _m, _a, output: seen.append(output))
        try:
            with torch.no_grad():
                self.model(**inputs)
        finally:
            handle.remove()
        return seen[0]


@pytest.fixture
def make_rig() -> type[Rig]:
    return Rig
