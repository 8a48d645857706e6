"""The search space: paths of a spec, and which values each may take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpframework import KpError, read_table

KINDS = ("float", "int", "categorical")
_EXAMPLE = "{float: [1e-4, 1e-2], log: true}, {int: [1, 8], step: 1} or {categorical: [a, b]}"


@dataclass(frozen=True)
class Dimension:
    """One path and its values."""

    path: str
    kind: str
    values: tuple[Any, ...]
    """Lowest and highest, or the choices."""
    log: bool = False
    step: float | int | None = None

    def suggest(self, trial: Any) -> Any:
        """Return a value of an Optuna trial."""
        if self.kind == "categorical":
            # As JSON, so that a choice may be a whole section, and true is not 1.
            choices = [json.dumps(value, sort_keys=True) for value in self.values]
            return json.loads(trial.suggest_categorical(self.path, choices))
        low, high = self.values
        if self.kind == "int":
            return trial.suggest_int(self.path, low, high, step=self.step or 1, log=self.log)
        return trial.suggest_float(self.path, low, high, step=self.step, log=self.log)


def read_space(path: Path) -> list[Dimension]:
    """Return the dimensions of a file, in its order.

    Raises:
        KpError: KP885, with all that is wrong, at its line; KP101 to KP110, the file cannot be
            read.
    """
    table = read_table(path)
    if not table:
        raise KpError("KP885", "the search space is empty", f"PATH: {_EXAMPLE}", where=str(path))
    return [_dimension(name, value, where) for name, (value, where) in table.items()]


def _dimension(path: str, value: Any, where: str) -> Dimension:
    def wrong(what: str) -> KpError:
        return KpError("KP885", f"{path}: {what}", f"write {_EXAMPLE}", where=where)

    if not isinstance(value, dict):
        raise wrong("a path of a search space has a table of what it may be")
    kinds = [kind for kind in KINDS if kind in value]
    if len(kinds) != 1:
        raise wrong(f"there has to be one of {', '.join(KINDS)}")
    kind = kinds[0]
    allowed = {kind} | (set() if kind == "categorical" else {"log", "step"})
    if unknown := sorted(set(value) - allowed):
        raise wrong(f"{kind} has no {unknown[0]!r}")
    values, log, step = value[kind], value.get("log", False), value.get("step")
    if not isinstance(values, list) or not values:
        raise wrong(f"{kind} is a list")
    if kind == "categorical":
        return Dimension(path, kind, tuple(values))
    if reason := _range_problem(kind, values, log, step):
        raise wrong(reason)
    return Dimension(path, kind, tuple(values), log, step)


def _range_problem(kind: str, values: Sequence[Any], log: Any, step: Any) -> str:
    """Return what is wrong with a range, or nothing."""

    def number(value: Any) -> bool:
        right = (int,) if kind == "int" else (int, float)
        return isinstance(value, right) and not isinstance(value, bool)

    if len(values) != 2 or not all(map(number, values)) or values[0] > values[1]:
        return f"{kind} is the lowest and the highest value, two numbers of its kind"
    if not isinstance(log, bool):
        return "log is true or false"
    if step is not None and (not number(step) or step <= 0):
        return "step is a number above 0"
    if log and step is not None:
        return "log and step cannot both be had"
    return "log needs a lowest value above 0" if log and values[0] <= 0 else ""
