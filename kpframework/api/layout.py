"""Where an entity's slot stands beside its mention: the layouts the methods share."""

from __future__ import annotations

from typing import Literal as OneOf

from kpframework.api.text import Edit, Insertion, Literal, Mention, Replacement, Slot

Layout = OneOf["concat", "replace", "bracket"]
"""``concat``: ``slot / mention`` (Poerner et al., Findings of EMNLP 2020; Zhang et al., ACL 2023);
``replace``: the slot alone; ``bracket``: ``mention ( slot )`` (Ye et al., Findings of ACL 2022)."""

INNERMOST = 1
"""Slots stand between a task's markers and the mention."""


def slot_edit(mention: Mention, layout: Layout) -> Edit:
    """Return the edit that puts the entity's slot beside a mention, or in its place."""
    slot = Slot(mention.entity)
    if layout == "replace":
        return Replacement(mention.start, mention.end, (slot,))
    if layout == "bracket":
        pieces = (Literal("("), slot, Literal(")"))
        return Insertion(mention.end, pieces, side="after", rank=INNERMOST)
    return Insertion(mention.start, (slot, Literal("/")), rank=INNERMOST)
