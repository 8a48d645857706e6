"""Texts, mentions and input edits.

All offsets are character offsets into the user's own text, end exclusive. The engine aligns them to
tokens with the tokenizer's offsets; no component counts tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from typing import Literal as OneOf


@dataclass(frozen=True)
class Mention:
    """A character span of a text, with the entity it is linked to (``""`` if not linked)."""

    start: int
    end: int
    entity: str = ""
    score: float = 1.0
    role: str = ""
    """What the span is to the task, such as ``head``; empty for a mention the linker found."""


@dataclass(frozen=True)
class Slot:
    """One input position whose word embedding is given by an entity."""

    entity: str


@dataclass(frozen=True)
class Literal:
    """A piece of ordinary text that is put into the input, such as ``/``.

    It is data: what looks like one of the tokenizer's special tokens in it stays ordinary text.
    """

    text: str
    limit: int | None = None
    """With a limit, at most so many tokens of it enter, and none that would push a token of the
    user's own text out; what is too much is cut off at its end."""


@dataclass(frozen=True)
class Blank:
    """One mask token, which the language model answers at."""


@dataclass(frozen=True)
class Hidden:
    """Text that the language model has to name; its tokens are the input's targets.

    For a masked language model they are mask tokens. A causal one sees them, and names each from
    the position before it.
    """

    text: str


Piece = Slot | Literal | Blank | Hidden
"""What can be put into an input."""


@dataclass(frozen=True)
class Insertion:
    """Pieces put into the input at a span's edge.

    ``side="before"`` puts them before the token that contains ``at``; ``"after"`` after the token
    that ends at or after ``at``. Where several meet, a higher ``rank`` stands closer to the span.
    """

    at: int
    pieces: tuple[Piece, ...]
    side: OneOf["before", "after"] = "before"
    rank: int = 0


@dataclass(frozen=True)
class Replacement:
    """Pieces put in the place of the tokens of a span."""

    start: int
    end: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Anchor:
    """Marks the first token of a span with an entity, for methods that add at hidden layers."""

    start: int
    end: int
    entity: str


@dataclass(frozen=True)
class Mask:
    """Every token of the span becomes the mask token and a target of the language model."""

    start: int
    end: int


Edit = Insertion | Replacement | Anchor | Mask
"""What an injector or a task may do to a text; spans are characters of the text as it was."""


@dataclass(frozen=True)
class Segment:
    """One text of an input, the edits the task makes to it, and the mentions known in it."""

    text: str
    mentions: tuple[Mention, ...] = ()
    """Spans that come with the data (the task's own have a ``role``)."""
    edits: tuple[Edit, ...] = ()
    """The task's own edits, such as markers."""


@dataclass(frozen=True)
class Example:
    """One question of a task with its target.

    ``target`` is whatever JSON value the task understands: a label index, a list of them, a string.
    """

    id: str
    segments: tuple[Segment, ...]
    """Every text of the example; each is linked once."""
    target: Any
    info: Mapping[str, Any] = field(default_factory=dict)
    """Shown in the report beside the example. ``relation`` is the relation between its first two
    mentions with a role, for leakage control; of an example of several inputs ``relations`` holds
    one for each segment. Where the facts it asks about do not both end in mentions of the text,
    ``triples`` names them: ``[[head, relation, tail], …]``."""
    inputs: tuple[tuple[int, ...], ...] = ()
    """The model's inputs, each the indices of its one or two segments; empty for one input of all.

    A query with ten supports is eleven segments and ten inputs: ``((0, 1), (0, 2), …)``. The
    first segment is what is asked about. All examples of a split have as many inputs."""
    group: str = ""
    """Examples of one group, such as an episode, are drawn together when intervals are estimated.
    Empty: the example stands alone."""
