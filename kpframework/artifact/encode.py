"""Texts to the inputs of a host: each row with a plugin's edits, or as the bare host gets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kpframework.api.text import Mention, Segment
from kpframework.artifact.hosts import Host
from kpframework.errors import KpError
from kpframework.inject.alignment import Encoding, padded_origin
from kpframework.inject.batch import Batch, Collator
from kpframework.inject.encoding import Encoded, InputEncoder
from kpframework.inject.knowledge import plain

UNLIMITED = 1 << 30


@dataclass(frozen=True)
class Row:
    """One input of a host."""

    plugin: str | None
    """Name of a member; None, or one that is disabled, for what the bare host gets."""
    segments: tuple[Segment, ...]
    """One, or two for a pair."""
    mentions: tuple[Sequence[Mention], ...] | None = None
    """Of each segment; None has them linked."""


def as_segment(text: str | Segment) -> Segment:
    """Return a text as a segment without mentions and edits; a segment as it is."""
    return text if isinstance(text, Segment) else Segment(text)


def longest_input(model: Any, tokenizer: Any) -> int:
    """Return how many tokens a host takes, as far as its tokenizer and configuration say."""
    config = getattr(model, "config", None)
    limits = [int(tokenizer.model_max_length)]
    for name in ("max_position_embeddings", "n_positions"):
        if isinstance(found := getattr(config, name, None), int) and found > 0:
            # RoBERTa and its kin count positions from behind the padding's.
            tables = (m for n, m in model.named_modules() if n.endswith("position_embeddings"))
            first = getattr(next(tables, None), "padding_idx", None)
            limits.append(found - (0 if first is None else int(first) + 1))
    return min(*limits, UNLIMITED)


class RowEncoder:
    """Encodes rows for one host.

    Args:
        host: whose plugins edit the rows.
        tokenizer: the host's; it is read, never changed.
        max_length: longest input; None takes `longest_input`.
        special_tokens: whether what the tokenizer puts around a text is put there.
    """

    def __init__(
        self, host: Host, tokenizer: Any, max_length: int | None, special_tokens: bool = True
    ) -> None:
        self.host = host
        self.tokenizer = tokenizer
        self.max_length = longest_input(host.model, tokenizer) if max_length is None else max_length
        # Not at the head: transformers is not needed where nothing is encoded.
        from kpframework.train.hosts import is_causal

        self._encoder = InputEncoder(
            tokenizer, self.max_length, is_causal(host.model), frame=special_tokens
        )

    def items(self, rows: Sequence[Row]) -> list[Encoded]:
        """Return each row as token ids; all texts of a plugin are linked in one call.

        Raises:
            KpError: KP702, what must be kept does not fit.
        """
        attachment = self.host.attachment
        mentions = self._mentions(rows)
        inputs = []
        for row, found in zip(rows, mentions, strict=True):
            name = self._working(row)
            if name is None:
                inputs.append([plain(segment) for segment in row.segments])
                continue
            source, knowledge = attachment.source(name), attachment.members[name]
            each = zip(row.segments, found, strict=True)
            inputs.append([knowledge.edit(segment, own, source) for segment, own in each])
        return self._encoder.encode(inputs)

    def batch(self, items: Sequence[Encoded], width: int = 0, left: bool | None = None) -> Batch:
        """Return items as one batch, padded to the longest of them and at least to ``width``."""
        attachment = self.host.attachment
        lookups: list[Any] = [len] * (
            max(map(attachment.source, attachment.members), default=-1) + 1
        )
        for name, knowledge in attachment.members.items():
            lookups[attachment.source(name)] = knowledge.rows
        # A decoder's classifier takes the last token that is not its own padding.
        own = getattr(getattr(self.host.model, "config", None), "pad_token_id", None)
        weight: Any = self.host.attachment.embedding.weight
        pad_id = self._encoder.special.pad_id
        if isinstance(own, int) and 0 <= own < len(weight):
            pad_id = own
        collate = Collator(self.tokenizer, pad_id, lookups)
        collate.left = collate.left if left is None else left
        return collate(items, width)

    def encoding(self, rows: Sequence[Row], padding: bool | str = True) -> Encoding:
        """Return rows as inputs on the host's device.

        Raises:
            KpError: KP784, ``padding`` is none of True, False, ``"longest"``, ``"max_length"``, or
                False with rows of different length.
        """
        items = self.items(rows)
        if padding not in (True, False, "longest", "max_length"):
            raise KpError(
                "KP784", f"padding={padding!r}", "give True, False, 'longest' or 'max_length'"
            )
        if padding is False and len({len(item.input_ids) for item in items}) > 1:
            raise KpError(
                "KP784",
                "padding=False, but the rows differ in length",
                "leave padding on, or encode the rows one by one",
            )
        batch = self.batch(items, self.max_length if padding == "max_length" else 0)
        weight: Any = self.host.attachment.embedding.weight
        inputs = batch.to(weight.device).inputs
        left = self.tokenizer.padding_side == "left"
        origin = padded_origin(items, inputs["input_ids"].shape[1], left)
        texts = [[segment.text for segment in row.segments] for row in rows]
        return Encoding(inputs, origin.to(weight.device), texts, self.tokenizer)

    def _working(self, row: Row) -> str | None:
        attachment = self.host.attachment
        working = row.plugin in attachment.members and row.plugin not in attachment.disabled
        return row.plugin if working else None

    def _mentions(self, rows: Sequence[Row]) -> list[tuple[Sequence[Mention], ...]]:
        found = [row.mentions or tuple(() for _ in row.segments) for row in rows]
        asked: dict[str, list[int]] = {}
        for at, row in enumerate(rows):
            name = self._working(row)
            if row.mentions is None and name is not None:
                asked.setdefault(name, []).append(at)
        for name, places in asked.items():
            texts = [segment for at in places for segment in rows[at].segments]
            linked = iter(self.host.linkers[name](texts))
            for at in places:
                found[at] = tuple(next(linked) for _ in rows[at].segments)
        return found
