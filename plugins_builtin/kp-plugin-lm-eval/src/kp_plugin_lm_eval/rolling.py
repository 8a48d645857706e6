"""A running text in blocks, each after what is known of the text before it."""

from __future__ import annotations

from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from kp_plugin_lm_eval.context import Contexts

Piece = tuple[None, list[int], list[int]]
"""As the harness scores it: no text, ids of the context, ids that are scored."""


def pieces(
    text: str, tokens: list[int], prefix: int, room: int, block: int, contexts: Contexts
) -> list[Piece]:
    """Return what is scored; the scored ids of all pieces are the text's ids, in order.

    Args:
        text: the running text.
        tokens: its ids, as the harness has them.
        prefix: id that stands before the first.
        room: most ids that the host takes at once.
        block: ids scored at once; more where a cut would fall inside a word.
        contexts: encodes what stands before a block.
    """
    offsets = contexts.offsets(text)
    # Special tokens before the text have no place in it.
    ahead = len(tokens) - len(offsets)
    windows = map(
        make_disjoint_window,
        get_rolling_token_windows(
            token_list=tokens, prefix_token=prefix, max_seq_len=room, context_len=1
        ),
    )
    found: list[Piece] = []
    first = 0
    for before, scored in windows:
        last = first + len(scored)
        start, own = first, max(first, ahead)
        while start < last:
            known = tokens[own:start]
            piece = text[offsets[own - ahead][0] : offsets[start - ahead][0]] if known else ""
            end = start + block
            while end < last and not _whole(text, tokens, own, end, offsets, ahead, contexts):
                end += 1
            end = min(end, last)
            left = room + 1 - len(before) - (own - first) - (end - start)
            told = contexts.told(piece, known, left) if left > 0 else known
            found.append((None, [*before, *tokens[first:own], *told], tokens[start:end]))
            start = end
        first = last
    return found


def _whole(
    text: str,
    tokens: list[int],
    own: int,
    end: int,
    offsets: list[tuple[int, int]],
    ahead: int,
    contexts: Contexts,
) -> bool:
    """Return whether the text up to a token, read alone, has the very tokens it has in the text."""
    if end <= own:
        return False
    piece = text[offsets[own - ahead][0] : offsets[end - ahead][0]]
    return contexts.plain(piece) == tokens[own:end]
