"""Counts bytes, not characters."""

from dataclasses import replace

from .sound import Target as Sound


class Target(Sound):
    def one(self, segment):
        def bytes_before(at):
            return len(segment.text[:at].encode())

        return [
            replace(m, start=bytes_before(m.start), end=bytes_before(m.end))
            for m in super().one(segment)
        ]
