"""The packages of this repository, read from their folders: none has to be installed."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from kpframework import Component

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Package:
    """One distribution of the repository."""

    folder: Path
    project: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the distribution."""
        return str(self.project["name"])

    @property
    def path(self) -> str:
        """Where it lies in the repository."""
        return str(self.folder.relative_to(ROOT))

    @property
    def is_built_in(self) -> bool:
        """Whether it is no worked example."""
        return self.path.startswith("plugins_builtin")

    def components(self) -> list[Component]:
        """Return what its plugins declare."""
        modules = self._entry_points("kpframework").values()
        return [c for module in modules for c in import_module(module).kp_components()]

    def commands(self) -> dict[str, click.Command]:
        """Return what it adds to the command line."""
        modules = self._entry_points("kpframework.commands")
        return {name: import_module(module).command for name, module in modules.items()}

    def _entry_points(self, group: str) -> dict[str, str]:
        return dict(self.project.get("entry-points", {}).get(group, {}))


@cache
def packages() -> list[Package]:
    """Return the built-in packages, then the contrib ones, each sorted by name."""
    files = [*ROOT.glob("plugins_builtin/*/pyproject.toml"), *ROOT.glob("contrib/*/pyproject.toml")]
    files.sort(key=lambda file: (file.parts[-3] == "contrib", file))
    sys.path[:0] = [str(file.parent / "src") for file in files]
    return [
        Package(f.parent, tomllib.loads(f.read_text(encoding="utf-8"))["project"]) for f in files
    ]


def options_of(component: Component) -> type[BaseModel]:
    """Import the model of a component's options."""
    module, _, name = component.config.partition(":")
    model: type[BaseModel] = getattr(import_module(module), name)
    return model
