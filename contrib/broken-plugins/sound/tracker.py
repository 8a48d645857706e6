"""A sound tracker: a line of a file for everything that happens."""

import json

from kpframework.api import Tracker


class Target(Tracker):
    """Writes into the folder it is run from."""

    def run_started(self, spec, plan):
        """Begin the file."""
        self.open(plan)
        self.write("started", steps=len(plan["steps"]))

    def step_done(self, step):
        """Write how a step went."""
        self.write(step["status"], step=step["name"], seconds=step["seconds"])

    def run_done(self, results, folder):
        """Write each row's metrics."""
        self.write("done", rows=[[row["injection"], row["metrics"]] for row in results["rows"]])
        self.close()

    def run_failed(self, reason):
        """Write why."""
        self.write("failed", reason=reason)
        self.close()

    def open(self, plan):
        """Open the file."""
        self.file = open("runs.jsonl", "a", encoding="utf-8")

    def write(self, event, **facts):
        """Write a line."""
        self.file.write(json.dumps({"event": event, **facts}) + "\n")
        self.file.flush()

    def close(self):
        """Close the file."""
        self.file.close()
