"""Entities inside ``input_ids``, for callers that carry token ids and nothing else.

A transformers pipeline, a data collator or a dataset keeps `input_ids` whatever it does with other
tensors. A marked id is the position's own token id with a knowledge plugin's number and the row of
its entity table above it, so that it can be taken apart again in any process::

    bit 62: marked | bits 52-59: plugin | bits 20-51: row | bits 0-19: token id
"""

from __future__ import annotations

from typing import Any

import torch

from kpframework.errors import KpError
from kpframework.inject.batch import ENTITIES, STRIDE

MARK = 1 << 62
_TOKEN_BITS, _ROW_BITS, _SOURCE_BITS = 20, 32, 8
_SOURCE_AT = _TOKEN_BITS + _ROW_BITS


def mark(ids: torch.Tensor, codes: torch.Tensor | None) -> torch.Tensor:
    """Return token ids with the codes put into them.

    Args:
        ids: shape (rows, tokens).
        codes: of the same shape, as `kpframework.inject.batch.Collator` makes them; None for none.

    Raises:
        KpError: KP778, a number is too large for its place.
    """
    if codes is None:
        return ids
    rows, sources = codes % STRIDE, codes // STRIDE
    here = codes >= 0
    large = (ids >> _TOKEN_BITS > 0) | (rows >> _ROW_BITS > 0) | (sources >> _SOURCE_BITS > 0)
    if bool((here & large).any()):
        raise KpError(
            "KP778",
            "token ids cannot carry these entities: a vocabulary has at most "
            f"{1 << _TOKEN_BITS} tokens, a table {1 << _ROW_BITS} rows, and a host was given at "
            f"most {1 << _SOURCE_BITS} plugins",
            "give the model what the plugin's encode() returns instead",
        )
    return torch.where(here, MARK | sources << _SOURCE_AT | rows << _TOKEN_BITS | ids, ids)


def unmark(ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return token ids as the host knows them, and the codes that were in them, or None."""
    if ids.dtype != torch.long:
        return ids, None
    here = ids >= MARK
    if not bool(here.any()):
        return ids, None
    source = ids >> _SOURCE_AT & (1 << _SOURCE_BITS) - 1
    row = ids >> _TOKEN_BITS & (1 << _ROW_BITS) - 1
    codes = torch.where(here, source * STRIDE + row, -1)
    return torch.where(here, ids & (1 << _TOKEN_BITS) - 1, ids), codes


def without_marks(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return a call whose token ids are the host's own and whose entities are `ENTITIES`.

    A position that an entity took is no target: its label becomes -100.
    """
    name = "input_ids" if "input_ids" in kwargs else "inputs"
    tokens = args[0] if args else kwargs.get(name)
    if not isinstance(tokens, torch.Tensor):
        return args, kwargs
    ids, codes = unmark(tokens)
    if codes is None:
        return args, kwargs
    kwargs = {**kwargs, ENTITIES: codes}
    labels = kwargs.get("labels")
    if isinstance(labels, torch.Tensor) and labels.shape == ids.shape:
        kwargs["labels"] = labels.masked_fill(labels >= MARK, -100)
    if args:
        return (ids, *args[1:]), kwargs
    return args, {**kwargs, name: ids}
