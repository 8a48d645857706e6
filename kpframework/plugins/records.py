"""What is known of an installed plugin, whether or not it could be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from kpframework.component import Component

State = Literal["ok", "disabled", "incompatible", "broken", "conflict", "shadowed"]

SLOW_SECONDS = 0.2
"""An import-light module is declared faster than this."""


@dataclass(frozen=True)
class PluginRecord:
    """One entry point of one installed distribution, with its state."""

    name: str
    """Entry-point name; ``distribution:entry-point`` where two distributions use the same one."""
    distribution: str
    version: str
    module: str
    """Import name of the declaring module; empty for a plugin that offers a command alone."""
    location: str = ""
    """Folder the distribution's metadata was found in."""
    core_range: str | None = None
    """The plugin's own version range for kpframework; None if it declares none."""
    state: State = "ok"
    reason: str = ""
    fix: str = ""
    note: str = ""
    """A remark that does not change the state, such as a slow import."""
    components: tuple[Component, ...] = ()
    """What it declares, as far as known: from this process or from the last successful load."""
    hooks: tuple[str, ...] = ()
    """Names of the hooks it implements, as far as known."""
    command_module: str = ""
    """Import name of the module with the command it offers; empty if it offers none."""
    cached: bool = False
    """Whether the state was read from an earlier load, not found in this process."""
    hung: bool = False
    """Whether it is ``broken`` because it was not loaded in time."""

    @property
    def key(self) -> str:
        """Identity within an environment: ``distribution:entry point``."""
        if ":" in self.name:
            return self.name
        return f"{self.distribution}:{self.name}"

    @property
    def identity(self) -> tuple[str, str]:
        """What tells it from other copies of the same distribution."""
        return (self.key, self.location)

    @property
    def usable(self) -> bool:
        """Whether its components can be had (by qualified name where short names conflict)."""
        return self.state in ("ok", "conflict")

    @property
    def command(self) -> str:
        """Name of the command it offers, as it is typed; empty if it offers none."""
        return self.key.partition(":")[2] if self.command_module else ""

    @property
    def title(self) -> str:
        """``distribution version``."""
        return f"{self.distribution} {self.version}"

    def as_json(self) -> dict[str, Any]:
        """Return what ``kpframework plugins list --json`` shows."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "requires_kpframework": self.core_range,
            "state": self.state,
            "reason": self.reason,
            "fix": self.fix,
            "note": self.note,
            "location": self.location,
            "command": self.command,
            "components": [
                {"kind": c.kind, "name": c.name, "summary": c.summary} for c in self.components
            ],
        }


@dataclass(frozen=True)
class RegisteredComponent:
    """A component and who provides it."""

    component: Component
    plugin: str
    """Name of the plugin, the first half of the qualified name."""
    distribution: str
    version: str

    @property
    def kind(self) -> str:
        """Kind of the component."""
        return self.component.kind

    @property
    def name(self) -> str:
        """Short name of the component."""
        return self.component.name

    @property
    def qualified(self) -> str:
        """``plugin/name``, unique within a kind."""
        return f"{self.plugin}/{self.component.name}"

    @property
    def title(self) -> str:
        """How messages name it: ``mapper 'mlp' (kp-plugin-mappers 0.1.0)``."""
        return f"{self.kind} {self.name!r} ({self.distribution} {self.version})"
