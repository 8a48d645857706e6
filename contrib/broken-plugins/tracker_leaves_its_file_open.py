"""Leaves the end of its file to chance where a run fails."""

from .sound import Target as Sound


class Target(Sound):
    def run_failed(self, reason):
        self.write("failed", reason=reason)
