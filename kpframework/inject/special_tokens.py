"""What a tokenizer puts around texts, found by asking it, so that any fast tokenizer will do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kpframework.api.tokens import literal_ids
from kpframework.errors import KpError


@dataclass(frozen=True)
class Frame:
    """Ids before, between and after an input's segments: one part more than there are segments."""

    parts: tuple[tuple[int, ...], ...]
    part_types: tuple[tuple[int, ...], ...]
    types: tuple[int, ...]
    """Token type of each segment."""

    @property
    def count(self) -> int:
        """How many positions the frame takes."""
        return sum(len(part) for part in self.parts)

    def put(self, ids: list[int], types: list[int], origin: list[int], index: int) -> None:
        """Append the part that stands before segment ``index`` (or after the last)."""
        ids.extend(self.parts[index])
        types.extend(self.part_types[index])
        origin.extend([-1] * len(self.parts[index]))


def no_frame(segments: int) -> Frame:
    """Return what surrounds an input of some segments where nothing is put around it."""
    return Frame(((),) * (segments + 1), ((),) * (segments + 1), (0,) * segments)


class SpecialTokens:
    """Special tokens, the placeholder of slots, and the ids of literals for one tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._frames: dict[int, Frame] = {}
        self._literals: dict[str, list[int]] = {}
        self.placeholder_id = self._placeholder()

    @property
    def mask_id(self) -> int:
        """Id of the mask token.

        Raises:
            KpError: KP703, the tokenizer has none.
        """
        if self.tokenizer.mask_token_id is None:
            raise KpError(
                "KP703",
                f"{type(self.tokenizer).__name__} has no mask token",
                "use a masked language model as backbone for a masked objective",
            )
        return int(self.tokenizer.mask_token_id)

    @property
    def pad_id(self) -> int:
        """Id used for padding; any id where there is none, since padding is masked out."""
        pad = self.tokenizer.pad_token_id
        return int(pad if pad is not None else self.tokenizer.eos_token_id or 0)

    def _placeholder(self) -> int:
        taken = {self.tokenizer.pad_token_id, self.tokenizer.eos_token_id}
        unknown = self.tokenizer.unk_token_id
        # Models derive positions and lengths from padding and end tokens: never stand on those.
        return (
            int(unknown) if unknown is not None and unknown not in taken else self.literal("/")[0]
        )

    def literal(self, text: str) -> list[int]:
        """Return the ids of a piece of text as it is tokenised in the middle of a sentence.

        What reads like a special token in it is ordinary text.
        """
        if text not in self._literals:
            self._literals[text] = literal_ids(self.tokenizer, text)
        return self._literals[text]

    def frame(self, segments: int) -> Frame:
        """Return what surrounds an input of one or two segments."""
        if segments not in self._frames:
            encoded = self.tokenizer(*["a"] * segments, return_special_tokens_mask=True)
            ids, mask = encoded["input_ids"], encoded["special_tokens_mask"]
            types = encoded.get("token_type_ids") or [0] * len(ids)
            inside = [i for i, special in enumerate(mask) if not special]
            width = len(inside) // segments
            edges = [inside[i * width : (i + 1) * width] for i in range(segments)]
            bounds = [0, *[e for own in edges for e in (own[0], own[-1] + 1)], len(ids)]
            outside = [(bounds[i], bounds[i + 1]) for i in range(0, len(bounds), 2)]
            self._frames[segments] = Frame(
                tuple(tuple(ids[a:b]) for a, b in outside),
                tuple(tuple(types[a:b]) for a, b in outside),
                tuple(types[own[0]] for own in edges),
            )
        return self._frames[segments]
