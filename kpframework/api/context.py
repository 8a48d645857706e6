"""What a component is given besides its options: no globals, no environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kpframework.errors import KpError

if TYPE_CHECKING:
    from kpframework.api.config import ComponentRef


class Advance(Protocol):
    """Moves a progress bar forward."""

    def __call__(self, steps: int = 1, note: str = "") -> None:
        """Move it by ``steps`` and show a short note beside it."""


@contextmanager
def _silent(description: str, total: int | None) -> Iterator[Advance]:
    def advance(steps: int = 1, note: str = "") -> None:
        return None

    yield advance


def _no_tokenizer() -> Any:
    raise KpError("KP290", "no tokenizer here: the backbone is not known")


def _no_registry(kind: str, ref: ComponentRef) -> Any:
    raise KpError("KP290", f"no registry here to create the {kind} {ref.type!r} from")


@dataclass(frozen=True)
class Context:
    """Seed, scratch folder, progress and device of one construction of a component."""

    seed: int = 0
    """All randomness of the component derives from it."""
    scratch: Path = field(default_factory=lambda: Path(".kpframework-scratch"))
    """A folder of the component's own, kept over a restart of the same step, removed after it."""
    device: str = "cpu"
    progress: Callable[[str, int | None], AbstractContextManager[Advance]] = _silent
    """``with context.progress("train", total) as advance: advance()``; quiet off a terminal."""

    labels: tuple[str, ...] = ()
    """A task's labels as an earlier step of the run read them; empty before that."""
    tokenizer: Callable[[], Any] = _no_tokenizer
    """Returns the host's fast tokenizer, the backbone's where there is no host yet; for a task that
    declares `needs_tokenizer`."""
    create: Callable[[str, ComponentRef], Any] = _no_registry
    """``context.create("mapper", config.mapper)`` constructs a nested component."""
