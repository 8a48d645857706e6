"""The user's own tokens in an input that was edited: where they are, and what is answered there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch

from kpframework.inject.encoding import Encoded

IGNORED = -100
"""The label of a token that has no logits; `torch.nn.functional.cross_entropy` leaves it out."""


class Encoding(dict[str, torch.Tensor]):
    """Model inputs that know which of their positions are the user's own tokens.

    A model is called with it as with any dictionary of inputs, ``model(**encoding)``. A per-token
    metric is the same whatever was inserted::

        logits, labels = encoding.align(model(**encoding).logits, causal=True)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())

    Args:
        inputs: tensors of shape (rows, width).
        origin: shape (rows, width), see `origin`.
        texts: the user's own, those of each row.
        tokenizer: the host's.
    """

    def __init__(
        self,
        inputs: dict[str, torch.Tensor],
        origin: torch.Tensor,
        texts: Sequence[Sequence[str]],
        tokenizer: Any,
    ) -> None:
        super().__init__(inputs)
        self.origin = origin
        """Shape (rows, width): for each position the index of the user's own token, counted as the
        tokenizer gives them without special tokens; -1 where the position holds none."""
        self._texts = list(texts)
        self._tokenizer = tokenizer

    @cached_property
    def tokens(self) -> torch.Tensor:
        """Shape (rows, tokens): ids of the user's own tokens, -100 behind the last of a row.

        They are those of the text as it was given: neither truncation nor a mask changes them.
        """
        flat = [text for texts in self._texts for text in texts]
        each = iter(self._tokenizer(flat, add_special_tokens=False, truncation=False)["input_ids"])
        own = [[token for _ in texts for token in next(each)] for texts in self._texts]
        width = max(map(len, own), default=0)
        padded = [[*ids, *[IGNORED] * (width - len(ids))] for ids in own]
        return torch.tensor(padded, dtype=torch.long).view(len(own), width).to(self.origin.device)

    @cached_property
    def positions(self) -> torch.Tensor:
        """Shape (rows, tokens): the position of each own token.

        It is -1 where the input does not hold the token: cut off, or a slot in its place.
        """
        found = torch.full_like(self.tokens, -1)
        rows, columns = (self.origin >= 0).nonzero(as_tuple=True)
        found[rows, self.origin[rows, columns]] = columns
        return found

    def align(
        self, logits: torch.Tensor, causal: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits at the user's own tokens, and the tokens as labels.

        Args:
            logits: shape (rows, width, vocabulary), of a model called with these inputs.
            causal: take a token's logits at the position before it in the input, whatever stands
                there, as a causal language model predicts it.

        Returns:
            Logits of shape (rows, tokens, vocabulary) and labels of shape (rows, tokens). Where a
            token is not in the input, or nothing stands before it, they are NaN and -100.

        Raises:
            ValueError: the logits are not of these inputs.
        """
        if logits.shape[:2] != self.origin.shape:
            raise ValueError(
                f"logits of shape {tuple(logits.shape)} are not those of inputs of shape "
                f"{tuple(self.origin.shape)}"
            )
        at = self.positions - int(causal)
        rows = torch.arange(len(at), device=at.device).unsqueeze(1)
        # Padding on the left stands before the first token, and predicts nothing.
        there = (self.positions >= 0) & (at >= 0)
        there &= self["attention_mask"][rows, at.clamp(min=0)] == 1
        aligned = logits[rows, at.clamp(min=0)].masked_fill(~there.unsqueeze(-1), torch.nan)
        return aligned, self.tokens.masked_fill(~there, IGNORED)


def padded_origin(items: Sequence[Encoded], width: int, left: bool) -> torch.Tensor:
    """Return `Encoded.origin` of some items as one tensor of shape (items, width), -1 at padding.

    Args:
        items: not longer than ``width``.
        width: of the padded batch.
        left: whether padding stands before the text.
    """
    origin = torch.full((len(items), width), -1, dtype=torch.long)
    for row, item in enumerate(items):
        start = width - len(item.origin) if left else 0
        origin[row, start : start + len(item.origin)] = torch.tensor(item.origin)
    return origin
