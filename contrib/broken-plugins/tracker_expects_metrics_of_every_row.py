"""Looks for the speed of rows that were never evaluated."""

from .sound import Target as Sound


class Target(Sound):
    def run_done(self, results, folder):
        for row in results["rows"]:
            self.write("speed", row=row["injection"], milliseconds=row["ms_per_example"])
        super().run_done(results, folder)
