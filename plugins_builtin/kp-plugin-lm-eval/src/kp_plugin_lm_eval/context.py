"""Contexts as token ids with knowledge, as long as there is room."""

from __future__ import annotations

from typing import Any


class Contexts:
    """Encodes contexts.

    Args:
        tokenizer: the host's.
        knowing: the same with knowledge, `kpframework.KnowledgePlugin.tokenizer`.
    """

    def __init__(self, tokenizer: Any, knowing: Any) -> None:
        self.tokenizer = tokenizer
        self._knowing = knowing

    def plain(self, text: str, special: bool = False) -> list[int]:
        """Return a text's ids without knowledge."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=special)["input_ids"]
        return ids

    def told(self, text: str, plain: list[int], room: int) -> list[int]:
        """Return a context's ids with what is known of its entities.

        What is too long loses tokens at its beginning, as it does in the harness, and is linked
        again: what an entity brought is kept whole or not at all.

        Args:
            text: the context.
            plain: its ids without knowledge; returned as they are where nothing is linked.
            room: most ids.
        """
        if not text or not plain:
            return plain
        special = plain == self.plain(text, special=True)
        while text:
            ids: list[int] = self._knowing(text, add_special_tokens=special)["input_ids"]
            if ids == self.plain(text, special):
                return plain
            if len(ids) <= room:
                return ids
            text, special = self._later(text, len(ids) - room), False
        return plain

    def _later(self, text: str, tokens: int) -> str:
        """Return a text without that many tokens at its beginning, and at least one character."""
        offsets = self.offsets(text)
        return text[max(1, offsets[tokens][0]) :] if tokens < len(offsets) else ""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the characters of each token, special ones left out."""
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        found: list[tuple[int, int]] = encoded["offset_mapping"]
        return found
