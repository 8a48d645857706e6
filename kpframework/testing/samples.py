"""What a component's author gives the conformance kit to build the component with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sample:
    """Options that a component can be built with, and what is known of the outcome.

    A component whose options all have defaults needs none. Where nothing but the options is to be
    said, a plain dict of them stands for a sample.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    """As in a spec; paths are relative to the folder that `kp_samples` is given."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Id of a check -> why it is known to fail. A check that passes after all is a failure."""
    entities: int | None = None
    """Of a knowledge base: how many entities it yields."""
    triples: int | None = None
    """Of a knowledge base: how many triples it yields, repeated ones counted."""


def as_samples(given: Any) -> list[Sample]:
    """Return the samples that a sample, options, or a list of either stand for.

    Raises:
        TypeError: it is none of them.
    """
    found = []
    for own in given if isinstance(given, (list, tuple)) else [given]:
        if isinstance(own, Sample):
            found.append(own)
        elif isinstance(own, Mapping):
            found.append(Sample(dict(own)))
        else:
            raise TypeError(f"a sample is a dict of options or a Sample, not {own!r}")
    return found
