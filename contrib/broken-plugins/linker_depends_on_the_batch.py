"""Links a name only where it was not seen before in the same batch."""

from .sound import Target as Sound


class Target(Sound):
    def link(self, segments):
        seen, linked = set(), []
        for segment in segments:
            linked.append([m for m in self.one(segment) if m.entity not in seen])
            seen |= {m.entity for m in linked[-1]}
        return linked
