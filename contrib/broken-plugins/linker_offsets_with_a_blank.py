"""Takes the blank before a name with it."""

from dataclasses import replace

from .sound import Target as Sound


class Target(Sound):
    def one(self, segment):
        return [replace(m, start=max(0, m.start - 1)) for m in super().one(segment)]
