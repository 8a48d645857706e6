"""Errors a user can act on: where, what, how to fix, a stable code.

Texts may change between releases; codes do not. The exit code of a command is its error's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and what to do about it."""

    code: str
    """Stable code such as ``KP301``; `kpframework.error_codes` explains each."""
    message: str
    fix: str = ""
    where: str = ""
    """``file:line:column`` where there is a file."""
    path: str = ""
    """Path inside the spec, in the user's own words: ``injections[map].mapper.hiden``."""

    def render(self) -> str:
        """Return the text shown in a terminal, without styling."""
        place = "  ".join(part for part in (self.where, self.path) if part)
        lines = [f"error[{self.code}]: {place}" if place else f"error[{self.code}]:"]
        lines += [f"  {line}" for line in self.message.splitlines()]
        lines += [
            f"  fix: {line}" if i == 0 else f"       {line}"
            for i, line in enumerate(self.fix.splitlines())
        ]
        return "\n".join(lines)


class KpError(Exception):
    """An error shown to the user without a traceback.

    Args:
        code: stable code, ``KP`` and three digits.
        message: what is wrong, in one or a few sentences.
        fix: what to do, ideally a command.
        where: ``file:line:column``.
        path: path inside the spec.
    """

    exit_code = 1

    def __init__(
        self, code: str, message: str, fix: str = "", where: str = "", path: str = ""
    ) -> None:
        self.problems: tuple[Problem, ...] = (Problem(code, message, fix, where, path),)
        super().__init__(self.problems[0].render())

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> KpError:
        """Return one error that carries several problems, shown together."""
        first = problems[0]
        error = cls(first.code, first.message, first.fix, first.where, first.path)
        error.problems = tuple(problems)
        error.args = ("\n".join(p.render() for p in problems),)
        return error

    @property
    def code(self) -> str:
        """The first problem's code."""
        return self.problems[0].code


class SpecError(KpError):
    """The spec, or the command line, asks for something that cannot be (exit code 2)."""

    exit_code = 2


class PluginError(KpError):
    """A plugin that is needed is missing, broken, incompatible or in conflict (exit code 3)."""

    exit_code = 3


class LockMismatch(KpError):
    """The environment or the data differ from the lock (exit code 4)."""

    exit_code = 4
