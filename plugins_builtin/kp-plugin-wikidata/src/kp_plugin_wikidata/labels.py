"""Names of relations."""

from collections import Counter
from collections.abc import Mapping


def distinct(labels: Mapping[str, str]) -> dict[str, str]:
    """Return a name for each id that no other id has: a shared label gets the id behind it."""
    shared = Counter(labels.values())
    return {
        own: label if shared[label] == 1 else f"{label} ({own})" for own, label in labels.items()
    }
