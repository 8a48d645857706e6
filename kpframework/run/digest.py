"""Seeds that are functions of content, and the content hashes that steps are named by."""

from __future__ import annotations

from kpframework.digest import (
    cache_root,
    canonical_json,
    content_digest,
    file_digest,
    json_digest,
)

__all__ = [
    "cache_root",
    "canonical_json",
    "content_digest",
    "derive_seed",
    "file_digest",
    "json_digest",
]


def derive_seed(*parts: str | int) -> int:
    """Return a seed below 2**32 that is a function of the parts alone, never of history."""
    return int(json_digest(list(parts))[:8], 16)
