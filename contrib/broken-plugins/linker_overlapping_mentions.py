"""Finds every name a second time, as a part of itself."""

from dataclasses import replace

from .sound import Target as Sound


class Target(Sound):
    def one(self, segment):
        found = super().one(segment)
        return sorted([*found, *(replace(m, score=0.5) for m in found)], key=lambda m: m.start)
