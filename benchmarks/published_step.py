"""One map-tuning step as the published code takes it, to measure ours against.

An implementation of what Zhang et al. (ACL 2023) released, from its description: inputs are put
together position by position, every input is padded to the full length, the host trains along
(only the optimizer leaves it out, so its weight gradients are computed and pile up), and the
vocabulary head runs on every position.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kpframework.inject.encoding import Encoded
from kpframework.inject.knowledge import Table

IGNORED = -100


class PublishedStep:
    """Takes published steps on a copy of the host.

    Args:
        host: a masked language model; it is copied, since its weights collect gradients here.
        mapper: from entity vectors to word embeddings; it is copied.
        table: entity vectors, read into memory whole.
        entities: the ids of all of them.
        length: every input is padded to it.
        pad_id: what it is padded with.
        dropout: of the host, everywhere; 0 is the published "NoDropout", evaluation mode.
        dtype: float64 gives the gradients that rounding is judged by.
    """

    def __init__(
        self,
        host: Any,
        mapper: torch.nn.Module,
        table: Table,
        entities: Sequence[str],
        *,
        length: int,
        pad_id: int,
        dropout: float,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.host = copy.deepcopy(host).to(dtype).requires_grad_(True).train(dropout > 0)
        for module in self.host.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = dropout
        self.mapper = copy.deepcopy(mapper).to(dtype).requires_grad_(True)
        self.length = length
        self.pad_id = pad_id
        self.words: npt.NDArray[np.floating[Any]] = (
            self.host.get_input_embeddings().weight.detach().numpy().copy()
        )
        vectors = table.gather(table.rows(entities)).astype(self.words.dtype)
        self.vectors = dict(zip(entities, vectors, strict=True))
        self.optimizer = torch.optim.AdamW(self.mapper.parameters(), lr=1e-4)

    def backward(self, items: Sequence[Encoded]) -> float:
        """Compute the loss and every gradient, the host's weights included."""
        shape = (len(items), self.length)
        mask = torch.zeros(shape, dtype=torch.long)
        types = torch.zeros(shape, dtype=torch.long)
        labels = torch.full(shape, IGNORED, dtype=torch.long)
        rows = []
        for row, item in enumerate(items):
            count = len(item.input_ids)
            mask[row, :count] = 1
            types[row, :count] = torch.tensor(item.token_types)
            for column, token in item.targets:
                labels[row, column] = token
            rows.append(self._embed(item))
        output = self.host(
            inputs_embeds=torch.stack(rows),
            attention_mask=mask,
            token_type_ids=types,
            labels=labels,
        )
        output.loss.backward()
        return float(output.loss.detach())

    def _embed(self, item: Encoded) -> torch.Tensor:
        slots = {column: entity for column, _, entity in item.entities}
        ids = item.input_ids + [self.pad_id] * (self.length - len(item.input_ids))
        positions = []
        for column, token in enumerate(ids):
            if column in slots:
                positions.append(self.mapper(torch.tensor(self.vectors[slots[column]])))
            else:
                positions.append(torch.tensor(self.words[token]))
        return torch.stack(positions)

    def step(self, items: Sequence[Encoded]) -> float:
        """Take one step and return its loss."""
        loss = self.backward(items)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss
