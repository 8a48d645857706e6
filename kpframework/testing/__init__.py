"""The shipped kit: conformance checks, tiny hosts, fake distributions, the smallest injector."""

from kpframework.testing.samples import Sample as Sample

__all__ = ["Sample"]
