"""From edited text to token ids: offsets decide where slots, markers and masks go.

The user's own tokens are never re-tokenised: a text without edits gives exactly the ids its
tokenizer gives, and an edit only puts ids between, over or in the place of them. Room for what the
task needs (markers, and the spans they stand at) is reserved before truncation.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kpframework.api.text import (
    Anchor,
    Blank,
    Edit,
    Hidden,
    Insertion,
    Literal,
    Mask,
    Piece,
    Replacement,
    Slot,
)
from kpframework.errors import KpError
from kpframework.inject.special_tokens import SpecialTokens, no_frame
from kpframework.inject.window import choose_tokens, share_budget


@dataclass(frozen=True)
class SourcedEdit:
    """An edit with who asks for it."""

    edit: Edit
    source: int = 0
    """Index of the knowledge plugin; decides whose vector a slot takes."""
    required: bool = True
    """Whether truncation must keep it; a mention outside the task's spans is not required."""
    knowledge: bool = False
    """Whether an injector asks for it, not the task."""


@dataclass(frozen=True)
class EditedSegment:
    """A text and the edits made to it."""

    text: str
    edits: tuple[SourcedEdit, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """One input as token ids."""

    input_ids: list[int]
    token_types: list[int]
    entities: list[tuple[int, int, str]]
    """(position, source, entity id) of every slot and anchor."""
    targets: list[tuple[int, int]]
    """(position, token id) of every token the language model has to name, at the position where it
    answers: that of a masked token itself, the one before for a causal model. The mask token's own
    id for a `Blank`."""
    origin: list[int]
    """For each position the index of the user's own token, counted over all segments; else -1."""
    dropped: int
    """How many of the user's own tokens truncation left out."""
    wanted: int = 0
    """Positions that injectors asked for: text and slots put in, and own tokens marked."""
    kept: int = 0
    """Those of them that are in the input; truncation took the others."""
    added: int = 0
    """Positions that injectors put in, less the user's tokens that those stand in the place of."""


class InputEncoder:
    """Encodes edited texts for one tokenizer.

    Args:
        tokenizer: a fast tokenizer; it is read, never changed.
        max_length: longest input, special tokens and everything inserted included.
        causal: whether the model is a causal language model; decides how `Hidden` text is hidden.
        frame: whether the tokenizer's special tokens are put around the input; a chat template
            has them in its text.

    Raises:
        KpError: KP701, the tokenizer has no offsets (it is not a fast one).
    """

    def __init__(
        self, tokenizer: Any, max_length: int, causal: bool = False, frame: bool = True
    ) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise KpError(
                "KP701",
                f"{type(tokenizer).__name__} gives no character offsets, so mentions cannot be "
                "aligned to its tokens",
                "load the fast tokenizer (AutoTokenizer does where the model has one)",
            )
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.causal = causal
        self.framed = frame
        self.special = SpecialTokens(tokenizer)

    def encode(self, inputs: Sequence[Sequence[EditedSegment]]) -> list[Encoded]:
        """Encode inputs of one or two segments each.

        Raises:
            KpError: KP702, what the task requires does not fit into ``max_length``.
        """
        texts = list(dict.fromkeys(segment.text for segments in inputs for segment in segments))
        if not texts:
            return []
        tokens = self.tokenizer(
            texts, add_special_tokens=False, return_offsets_mapping=True, truncation=False
        )
        each = zip(tokens["input_ids"], tokens["offset_mapping"], strict=True)
        tokenized = dict(zip(texts, each, strict=True))
        return [
            self._join(
                [_LaidOut(own, *tokenized[own.text], self.special, self.causal) for own in segments]
            )
            for segments in inputs
        ]

    def _join(self, segments: list[_LaidOut]) -> Encoded:
        frame = self.special.frame(len(segments)) if self.framed else no_frame(len(segments))
        room = self.max_length - frame.count
        excess = sum(sum(segment.costs) for segment in segments) - room
        for segment in reversed(segments):
            excess = segment.shorten(excess)
        budgets = share_budget([sum(s.costs) for s in segments], [s.least for s in segments], room)
        if budgets is None:
            least = sum(s.least for s in segments)
            raise KpError(
                "KP702",
                f"{least} positions are required by markers, slots and the spans they stand at, "
                f"but max_length={self.max_length} leaves {room}: {segments[0].text[:80]!r}",
                "raise the task's max_length",
            )
        out = Encoded([], [], [], [], [], 0)
        dropped = before = 0
        for index, (segment, budget) in enumerate(zip(segments, budgets, strict=True)):
            frame.put(out.input_ids, out.token_types, out.origin, index)
            kept = choose_tokens(segment.costs, segment.required, budget)
            dropped += len(segment.ids) - sum(stop - start for start, stop in kept)
            segment.emit(out, kept, before)
            missing = len(out.input_ids) - len(out.token_types)
            out.token_types.extend([frame.types[index]] * missing)
            before += len(segment.ids)
        frame.put(out.input_ids, out.token_types, out.origin, len(segments))
        return replace(
            out,
            dropped=dropped,
            wanted=sum(segment.wanted for segment in segments),
            kept=sum(segment.kept for segment in segments),
            added=sum(segment.added for segment in segments),
        )


@dataclass
class _Put:
    """A piece as ids; a slot has its entity."""

    ids: list[int]
    entity: str = ""
    named: Sequence[int] = ()
    """What the language model has to name here."""
    knowledge: bool = False


class _LaidOut:
    """One segment's tokens with its edits placed at token boundaries."""

    def __init__(
        self,
        segment: EditedSegment,
        ids: Sequence[int],
        offsets: Sequence[tuple[int, int]],
        special: SpecialTokens,
        causal: bool,
    ) -> None:
        self.text = segment.text
        self.ids = list(ids)
        self.special = special
        self.causal = causal
        self.targets: dict[int, int] = {}
        self.anchors: dict[int, list[tuple[int, str, bool]]] = {}
        self.removed: set[int] = set()
        self.replaced: set[int] = set()
        self.wanted = self.kept = self.added = 0
        self.required: set[int] = set()
        self.costs = [1] * len(self.ids)
        # Both hold (rank, pieces) per token; pieces before a token, pieces after it.
        self.before: dict[int, list[tuple[int, int, list[_Put]]]] = {}
        self.after: dict[int, list[tuple[int, int, list[_Put]]]] = {}
        self.elastic: list[tuple[int, _Put]] = []
        self._starts = [start for start, _ in offsets]
        self._ends = [end for _, end in offsets]
        for sourced in segment.edits if self.ids else ():
            self._place(sourced)

    @property
    def least(self) -> int:
        """Positions of what is required."""
        return sum(self.costs[i] for i in self.required)

    def shorten(self, excess: int) -> int:
        """Cut text that yields by ``excess`` positions in all; return how many are left to cut."""
        for token, put in reversed(self.elastic):
            cut = min(max(excess, 0), len(put.ids))
            del put.ids[len(put.ids) - cut :]
            self.costs[token] -= cut
            excess -= cut
        return excess

    def _span(self, start: int, end: int) -> range:
        first = min(bisect_right(self._ends, start), len(self.ids) - 1)
        last = max(bisect_left(self._starts, end) - 1, first)
        return range(first, last + 1)

    def _place(self, sourced: SourcedEdit) -> None:
        edit, knowledge = sourced.edit, sourced.knowledge
        match edit:
            case Insertion(at=at, pieces=pieces, side=side, rank=rank):
                if side == "before":
                    token = self._span(at, at + 1)[0]
                    puts = self._put(token, pieces, knowledge)
                    self.before.setdefault(token, []).append((rank, sourced.source, puts))
                else:
                    token = self._span(at - 1, at)[-1]
                    puts = self._put(token, pieces, knowledge)
                    self.after.setdefault(token, []).append((-rank, sourced.source, puts))
                yields = all(isinstance(p, Literal) and p.limit is not None for p in pieces)
                touched: Sequence[int] = () if yields else (token,)
            case Replacement(start=start, end=end, pieces=pieces):
                touched = self._span(start, end)
                self.removed.update(touched)
                self.replaced.update(touched if knowledge else ())
                puts = self._put(touched[0], pieces, knowledge)
                self.before.setdefault(touched[0], []).append((0, sourced.source, puts))
                for token in touched:
                    self.costs[token] -= 1
            case Mask(start=start, end=end):
                touched = self._span(start, end)
                self.targets.update((token, self.ids[token]) for token in touched)
            case Anchor(start=start, end=end, entity=entity):
                touched = self._span(start, end)[:1]
                self.anchors.setdefault(touched[0], []).append((sourced.source, entity, knowledge))
                self.wanted += knowledge
        if sourced.required:
            self.required.update(touched)

    def _put(self, token: int, pieces: Sequence[Piece], knowledge: bool) -> list[_Put]:
        puts = []
        for piece in pieces:
            if isinstance(piece, Slot):
                put = _Put([self.special.placeholder_id], piece.entity)
            elif isinstance(piece, Blank):
                put = _Put([self.special.mask_id], named=[self.special.mask_id])
            elif isinstance(piece, Hidden):
                named = self.special.literal(piece.text)
                put = _Put(named if self.causal else [self.special.mask_id] * len(named), "", named)
            else:
                put = _Put(self.special.literal(piece.text)[: piece.limit])
                if piece.limit is not None:
                    self.elastic.append((token, put))
            put.knowledge = knowledge
            self.wanted += knowledge * len(put.ids)
            self.costs[token] += len(put.ids)
            puts.append(put)
        return puts

    def emit(self, out: Encoded, kept: Sequence[tuple[int, int]], base: int) -> None:
        """Append the kept tokens and everything placed at them; runs are copied as slices."""
        events = sorted({*self.before, *self.after, *self.anchors, *self.targets, *self.removed})
        for start, stop in kept:
            position = start
            for token in events[bisect_left(events, start) : bisect_left(events, stop)]:
                self._copy(out, position, token, base)
                self._emit_event(out, token, base)
                position = token + 1
            self._copy(out, position, stop, base)

    def _copy(self, out: Encoded, start: int, stop: int, base: int) -> None:
        out.input_ids.extend(self.ids[start:stop])
        out.origin.extend(range(base + start, base + stop))

    def _emit_event(self, out: Encoded, token: int, base: int) -> None:
        for _, source, puts in sorted(self.before.get(token, ()), key=lambda item: item[0]):
            self._emit_puts(out, source, puts)
        self.added -= token in self.replaced
        if token not in self.removed:
            for source, entity, knowledge in self.anchors.get(token, ()):
                self.kept += knowledge
                out.entities.append((len(out.input_ids), source, entity))
            target = self.targets.get(token)
            if target is not None:
                out.targets.append((len(out.input_ids), target))
            out.input_ids.append(self.ids[token] if target is None else self.special.mask_id)
            out.origin.append(base + token)
        for _, source, puts in sorted(self.after.get(token, ()), key=lambda item: item[0]):
            self._emit_puts(out, source, puts)

    def _emit_puts(self, out: Encoded, source: int, puts: Sequence[_Put]) -> None:
        for put in puts:
            if put.entity:
                out.entities.append((len(out.input_ids), source, put.entity))
            first = len(out.input_ids) - self.causal
            if put.named and first < 0:
                raise KpError(
                    "KP704",
                    f"nothing stands before what a causal model has to name: {self.text[:80]!r}",
                    "let the input begin with text or with a special token",
                )
            out.targets.extend((first + i, token) for i, token in enumerate(put.named))
            self.kept += put.knowledge * len(put.ids)
            self.added += put.knowledge * len(put.ids)
            out.input_ids.extend(put.ids)
            out.origin.extend([-1] * len(put.ids))
