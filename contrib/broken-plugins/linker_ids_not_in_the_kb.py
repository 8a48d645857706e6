"""Writes ids in lower case, as no knowledge base has them."""

from dataclasses import replace

from .sound import Target as Sound


class Target(Sound):
    def one(self, segment):
        return [replace(m, entity=m.entity.lower()) for m in super().one(segment)]
