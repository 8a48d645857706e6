"""A sound linker: names of the knowledge base, as whole words, and annotated ids."""

import re

from kpframework.api import Linker, Mention


class Target(Linker):
    """Finds names by one regular expression."""

    def prepare(self, kb):
        """Take the names."""
        self.kb = kb
        self.ids = {}
        for name, entity, _ in kb.names():
            if " " not in name:
                self.ids.setdefault(name, entity)
        self.pattern = re.compile(r"\b(" + "|".join(map(re.escape, sorted(self.ids))) + r")\b")

    def link(self, segments):
        """Link each text alone."""
        return [self.one(segment) for segment in segments]

    def one(self, segment):
        """Return the mentions of a text."""
        roles = {(m.start, m.end): m.role for m in segment.mentions}
        return [
            Mention(*found.span(), self.ids[found[0]], role=roles.get(found.span(), ""))
            for found in self.pattern.finditer(segment.text)
        ]
