"""Reads the segment's mentions, not those that are linked and known."""

from kpframework.api import slot_edit

from .sound import Target as Sound


class Target(Sound):
    def edits(self, segment, mentions):
        return [slot_edit(mention, "concat") for mention in segment.mentions]
