"""Says after which step a run failed, though it may fail before the first."""

from .sound import Target as Sound


class Target(Sound):
    def step_done(self, step):
        super().step_done(step)
        self.last = step["name"]

    def run_failed(self, reason):
        super().run_failed(f"{reason} after {self.last}")
