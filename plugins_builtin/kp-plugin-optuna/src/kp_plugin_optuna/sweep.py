"""The search: trials one after another, each recorded before it runs."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import Trial, TrialState

from kp_plugin_optuna.objective import Objective
from kp_plugin_optuna.space import Dimension
from kp_plugin_optuna.trial import assignments, filled_spec, run_trial
from kpframework import KpError

_STARTUP = 10
"""Trials drawn at random before the sampler learns of them; Optuna's own number."""


class Sweep:
    """A sweep in a folder: ``sweep.db`` (Optuna's SQLite storage) and ``trials/NNNN`` (the runs).

    A trial's values are a function of the seed, its number and the trials before it, so a sweep
    that was killed goes on to the values that it would have had: the trial it was in is run again
    with its own values, from the cache as far as it came.

    Raises:
        KpError: KP886, the objective is not in the spec; KP887, the folder holds another sweep;
            KP888, the spec is not valid with the space's first values.
    """

    def __init__(
        self,
        spec: Path,
        space: Sequence[Dimension],
        objective: Objective,
        seed: int,
        overrides: Sequence[str] = (),
        folder: Path | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        self.spec, self.space, self.objective, self.seed = spec, space, objective, seed
        self.overrides, self._quiet = list(overrides), quiet
        first = {dimension.path: dimension.values[0] for dimension in space}
        filled = filled_spec(spec, [*self.overrides, *assignments(first)])
        objective.check(filled)
        self.name = str(filled["name"])
        self.folder = folder or Path("sweeps") / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with self._alone():
            self.study = optuna.create_study(
                storage=f"sqlite:///{(self.folder / 'sweep.db').resolve()}",
                study_name="sweep",
                direction=objective.direction,
                load_if_exists=True,
            )
            self._same(self._record(filled))

    def run(self, trials: int) -> None:
        """Make trials until there are that many; those that are there are not made again.

        Raises:
            KpError: KP886, a run has no figure of the objective; KP887, another process is at work
                in the folder; KP888, a trial's spec is not valid.
        """
        with self._alone():
            for number in range(trials):
                self._trial(number, trials)

    def summary(self) -> dict[str, Any]:
        """Return every trial and the best, as JSON."""
        trials = [self._of(own) for own in self.study.get_trials(deepcopy=False)]
        done = [own for own in trials if own["state"] == "complete"]
        sign = -1 if self.objective.direction == "maximize" else 1
        best = min(done, key=lambda own: (sign * own["value"], own["number"]), default=None)
        return {
            "name": self.name,
            "folder": str(self.folder),
            "objective": self.objective.as_record(),
            "seed": self.seed,
            "trials": trials,
            "best": best,
            "command": best and self._command(best),
        }

    def _trial(self, number: int, of: int) -> None:
        known = self.study.get_trials(deepcopy=False)
        if number < len(known) and known[number].state.is_finished():
            return
        # A generator of its own for each trial: after a kill the numbers go on, not back to 0.
        seed = int.from_bytes(hashlib.sha256(f"{self.seed} {number}".encode()).digest()[:4], "big")
        self.study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP)
        if number < len(known):
            trial = Trial(self.study, known[number]._trial_id)
        else:
            trial = self.study.ask()
        values = {dimension.path: dimension.suggest(trial) for dimension in self.space}
        changes = assignments(values)
        trial.set_user_attr("overrides", changes)
        self._say(f"trial {number + 1} of {of}: {' '.join(changes)}")
        results, reason = run_trial(
            self.spec, [*self.overrides, *changes], self.folder / f"trials/{number:04d}"
        )
        if reason:
            trial.set_user_attr("reason", reason)
            self._say(f"trial {number + 1} failed: {reason.splitlines()[-1]}")
            self.study.tell(trial, state=TrialState.FAIL)
            return
        value = self.objective.value(results)
        self._say(f"trial {number + 1}: {value:.4f} on dev")
        self.study.tell(trial, value)

    def _of(self, trial: Any) -> dict[str, Any]:
        return {
            "number": trial.number,
            "state": "failed" if trial.state == TrialState.FAIL else trial.state.name.lower(),
            "value": trial.value,
            "overrides": trial.user_attrs.get("overrides", []),
            "folder": str(self.folder / f"trials/{trial.number:04d}"),
            "reason": trial.user_attrs.get("reason"),
        }

    def _command(self, best: dict[str, Any]) -> list[str]:
        changes = [*self.overrides, *best["overrides"]]
        words = [word for change in changes for word in ("--set", change)]
        return ["kpframework", "run", str(self.spec), *words]

    def _record(self, filled: dict[str, Any]) -> dict[str, Any]:
        # With what the spec extends, and not as its file is written.
        spec = json.dumps(filled, sort_keys=True)
        return {
            "space": [[d.path, d.kind, list(d.values), d.log, d.step] for d in self.space],
            "objective": self.objective.as_record(),
            "seed": self.seed,
            "set": self.overrides,
            "spec": hashlib.sha256(spec.encode()).hexdigest(),
        }

    def _same(self, record: dict[str, Any]) -> None:
        known = self.study.user_attrs.get("sweep")
        if known is None:
            self.study.set_user_attr("sweep", record)
            return
        # Both as JSON has them.
        now = json.loads(json.dumps(record))
        moved = [name for name, value in now.items() if known.get(name) != value]
        if moved:
            raise KpError(
                "KP887",
                f"{self.folder} holds a sweep with another {moved[0]}",
                "give the same command to resume it, or another folder with --output",
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other sweeps out of the folder, where the system has locks."""
        try:
            from fcntl import LOCK_EX, LOCK_NB, flock
        except ImportError:  # Windows
            yield
            return
        with (self.folder / "sweep.lock").open("w") as file:
            try:
                flock(file, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                raise KpError(
                    "KP887",
                    f"another sweep is at work in {self.folder}",
                    "wait for it, or give another folder with --output",
                ) from None
            yield

    def _say(self, text: str) -> None:
        if not self._quiet:
            print(text, file=sys.stderr, flush=True)  # noqa: T201
