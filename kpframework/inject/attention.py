"""Keys and values of entities beside those of the tokens, in the host's own attention.

For the time of one forward pass an attention module is told to use `attend` instead of its own
attention function. `attend` calls that function as it would have been called, and once more for the
rows that hold an entity, with the entities' keys and values appended (the rectangular attention of
Wang et al., ICLR 2025, arXiv 2410.10450). Rows without an entity keep their bits.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any

import torch

from kpframework.api.injector import Entities, KeysValues

NAME = "kp_entities"
"""The attention implementation's name among transformers'."""
_WAITING = "_kp_attention"


def hooks(
    module: torch.nn.Module, make: KeysValues, entities: Callable[[], Entities | None]
) -> list[Any]:
    """Let an attention module attend to what ``make`` returns; return the handles of its hooks.

    Args:
        module: calls transformers' attention interface.
        make: keys and values of the unique entities.
        entities: those at work in the present forward pass; None leaves the module alone.
    """
    # Not at the head: it takes four seconds, and a run that reuses every step needs none.
    from transformers.modeling_utils import AttentionInterface

    AttentionInterface.register(NAME, attend)

    def enter(module: Any, _args: Any) -> None:
        found = entities()
        if found is None:
            return
        held = module.__dict__.get(_WAITING)
        if held is None:
            own = module.config
            held = module.__dict__[_WAITING] = (own, [])
            module.config = copy.copy(own)
            module.config._attn_implementation = NAME
        held[1].append((found, make))

    def leave(module: Any, _args: Any, _output: Any) -> None:
        held = module.__dict__.pop(_WAITING, None)
        if held is not None:
            module.config = held[0]

    return [
        module.register_forward_pre_hook(enter),
        module.register_forward_hook(leave, always_call=True),
    ]


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, Any]:
    """Attend as the module would, and in rows that hold an entity to the entities as well."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    config, waiting = module.__dict__[_WAITING]
    eager = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    function = ALL_ATTENTION_FUNCTIONS.get_interface(config._attn_implementation, eager)
    output, weights = function(module, query, key, value, attention_mask, **options)
    for entities, make in waiting:
        rows, at = torch.unique(entities.rows, return_inverse=True)
        wide, own = _table(rows, at, entities)
        more_keys, more_values = (part[wide].transpose(1, 2) for part in make(entities))
        mask = attention_mask
        if mask is None:
            mask = _whole(module, query, key)
        if mask.shape[0] > 1:
            mask = mask[rows]
        mask = mask.expand(len(rows), *mask.shape[1:])
        mask = torch.cat([mask, _like(mask, own[:, None, None, :])], dim=-1)
        part, _ = function(
            module,
            query[rows],
            torch.cat([key[rows], more_keys.to(key.dtype)], dim=2),
            torch.cat([value[rows], more_values.to(value.dtype)], dim=2),
            mask,
            **options,
        )
        output = output.index_copy(0, rows, part)
    return output, weights


def _table(
    rows: torch.Tensor, at: torch.Tensor, entities: Entities
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each row's entities, shape (rows, most entities of a row), and which are there."""
    count = torch.bincount(at, minlength=len(rows))
    order = torch.argsort(at, stable=True)
    column = torch.arange(len(at), device=at.device) - (count.cumsum(0) - count)[at[order]]
    wide = at.new_zeros(len(rows), int(count.max()))
    own = torch.zeros_like(wide, dtype=torch.bool)
    wide[at[order], column] = entities.inverse[order]
    own[at[order], column] = True
    return wide, own


def _whole(module: Any, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Return the mask that a call without one stands for."""
    queries, keys = query.shape[2], key.shape[2]
    seen = torch.ones(1, 1, queries, keys, dtype=torch.bool, device=query.device)
    return seen.tril(keys - queries) if getattr(module, "is_causal", False) else seen


def _like(mask: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return which entities are seen, in the form and height of a mask of tokens."""
    seen = seen.expand(*mask.shape[:-1], seen.shape[-1])
    if mask.dtype == torch.bool:
        return seen
    hidden = torch.full(seen.shape, torch.finfo(mask.dtype).min, dtype=mask.dtype)
    return hidden.to(mask.device).masked_fill(seen, 0)
