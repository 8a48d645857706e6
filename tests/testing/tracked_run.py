"""Makes the run that the conformance kit shows to trackers, and writes it down again.

``python tests/testing/tracked_run.py`` renews what is shipped, after what trackers get has changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from kpframework.testing.distributions import fake_plugin
from kpframework.testing.project import tiny_project, tiny_spec

SHIPPED = Path(__file__).parents[2] / "kpframework/testing/conformance/tracked_run.json"
RECORDER = """
import json
from pathlib import Path
from kpframework.api import Tracker


class Target(Tracker):
    def run_started(self, spec, plan):
        self.path = Path(plan["folder"]).with_name("events.jsonl")
        self.tell("run_started", spec, plan)

    def step_done(self, step):
        self.tell("step_done", step)

    def run_done(self, results, folder):
        self.tell("run_done", results, str(folder))

    def tell(self, *event):
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(event) + "\\n")
"""
STAGE = {"stage": "task", "epochs": 2, "lr": 0.02, "batch_size": 8}
ROWS = [
    {"id": "frozen", "type": "none"},
    {"id": "map-task", "type": "map-tuning", "train": STAGE},
    # A learning rate that no training survives: its step fails, its evaluation is skipped.
    {"id": "diverges", "type": "map-tuning", "train": {**STAGE, "lr": 1e30}},
]


def record(folder: Path) -> dict[str, Any]:
    """Run the tiny project, its first row beforehand; return what a tracker was told."""
    plugin = fake_plugin(folder / "site", "recorder", components=[("tracker", "recorder")])
    (folder / "site" / plugin.module / "target.py").write_text(RECORDER)
    whole = tiny_spec()
    for name, rows in (("before", ROWS[:1]), ("run", ROWS)):
        spec = tiny_project(
            folder / "project",
            knowledge=whole["knowledge"][:1],
            corpora=[],
            tasks=whole["tasks"][:1],
            injections=rows,
            trackers=[{"type": "recorder"}] if name == "run" else [],
            run={"keep_going": True, "threads": 1, "device": "cpu"},
        )
        environment = os.environ | {
            "PYTHONPATH": str(folder / "site"),
            "KPFRAMEWORK_CACHE": str(folder / "cache"),
            "KPFRAMEWORK_CONFIG": str(folder / "config"),
        }
        command = [sys.executable, "-m", "kpframework", "run", str(spec), "-q"]
        command += ["-o", str(folder / name)]
        subprocess.run(command, env=environment, cwd=folder, check=False, capture_output=True)
    text = (folder / "events.jsonl").read_text(encoding="utf-8").replace(str(folder), "/somewhere")
    events = [json.loads(line) for line in text.splitlines()]
    (_, spec, plan), (_, results, _) = events[0], events[-1]
    return {
        "spec": spec,
        "plan": plan,
        "steps": [step for kind, step in events[1:-1] if kind == "step_done"],
        "results": results,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        recorded = record(Path(temporary))
    SHIPPED.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
