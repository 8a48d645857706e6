"""Tokens of inserted text, as the engine will have them."""

from __future__ import annotations

from typing import Any


def literal_ids(tokenizer: Any, text: str) -> list[int]:
    """Return the ids of a piece of text as it is tokenised in the middle of a sentence.

    A `Literal` and a `Hidden` of this text become these ids. What reads like a special token in it
    is ordinary text. For a task that asks how long an answer is (`Context.tokenizer`).
    """
    for token in tokenizer.all_special_tokens:
        # Some vocabularies hold special tokens as ordinary pieces: a space keeps them apart.
        text = text.replace(token, f"{token[0]} {token[1:]}")
    plain = {"add_special_tokens": False}
    lead = tokenizer("a", **plain)["input_ids"]
    both = tokenizer(f"a {text}", **plain)["input_ids"]
    follows = both[: len(lead)] == lead and len(both) > len(lead)
    return list(both[len(lead) :] if follows else tokenizer(text, **plain)["input_ids"])
