"""One trial: an ordinary run, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kpframework import KpError

_SPEC, _PLUGIN, _INTERRUPTED = 2, 3, 130
"""Exit codes of the command line."""


def assignments(values: Mapping[str, Any]) -> list[str]:
    """Return what ``--set`` takes, a path and a JSON value each."""
    return [f"{path}={json.dumps(value, ensure_ascii=False)}" for path, value in values.items()]


def filled_spec(spec: Path, changes: Sequence[str]) -> dict[str, Any]:
    """Return a spec with every default written out.

    Raises:
        KpError: KP888, it is not valid.
    """
    done = _kpframework("validate", str(spec), "--fill", *_sets(changes))
    if done.returncode:
        raise _refused(done.stderr)
    filled: dict[str, Any] = json.loads(done.stdout)
    return filled


def run_trial(spec: Path, changes: Sequence[str], folder: Path) -> tuple[dict[str, Any], str]:
    """Return the results of a run and an empty text, or nothing and why it failed.

    Raises:
        KpError: KP888, the spec of this trial is not valid, or a plugin it needs is not there.
        KeyboardInterrupt: the run was interrupted.
    """
    done = _kpframework("run", str(spec), "-q", "-o", str(folder), *_sets(changes))
    if done.returncode in (_INTERRUPTED, -2):
        raise KeyboardInterrupt
    if done.returncode in (_SPEC, _PLUGIN):
        raise _refused(done.stderr)
    file = folder / "results.json"
    if done.returncode or not file.is_file():
        return {}, done.stderr.strip()[-2000:] or f"exit code {done.returncode}"
    return json.loads(file.read_text(encoding="utf-8")), ""


def _kpframework(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kpframework", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def _sets(changes: Sequence[str]) -> list[str]:
    return [word for change in changes for word in ("--set", change)]


def _refused(told: str) -> KpError:
    return KpError(
        "KP888",
        f"a trial's spec cannot be run:\n{told.strip()}",
        "correct the path in the search space, or the values it may take",
    )
