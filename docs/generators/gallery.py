"""The gallery: the built-in and contrib packages by their own metadata."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpframework.plugins import RegisteredComponent, Registry
from kpframework.plugins.discovery import scan

ROOT = Path(__file__).resolve().parents[2]
HEAD = """\
# Gallery

Every package of the repository, by what it says of itself. Yours looks the same: [write a
plugin](how-to/write-a-plugin.md). All of them are found by `kpframework plugins list` once they are
installed; `kpframework plugins show KIND/NAME` prints a component's options, as the
[reference](reference/components.md) does.
"""
KINDS = {
    "injector": (
        "Injection methods",
        "*Plug-and-play*: the host's weights do not change. *An edit*, of the knowledge base: what "
        "it takes before the row answers from it; `free` is nothing.",
    ),
    "kb": ("Knowledge bases", ""),
    "embeddings": ("Entity embeddings", ""),
    "linker": ("Entity linkers", ""),
    "mapper": ("Mapping networks", ""),
    "task": ("Tasks", ""),
    "host": ("Host adaptations", "How a host is made from a backbone, before it is frozen."),
    "backbone": ("Backbones", ""),
    "tracker": ("Trackers", "They watch a run from outside."),
    "executor": ("Executors", "They do the shards of `kpframework link`."),
}
INJECTOR_COLUMNS = {
    "plug-and-play": lambda own: "no: trains the host" if own.get("trains_host") else "yes",
    "enters at": lambda own: own.get("site", ""),
    "trained": lambda own: own.get("trained", ""),
    "an edit takes": lambda own: own.get("kb_update", ""),
    "costs in the input": lambda own: own.get("input_overhead", ""),
}


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
    def commands(self) -> list[str]:
        """What it adds to the command line."""
        return list(self.project.get("entry-points", {}).get("kpframework.commands", {}))


def packages() -> list[Package]:
    """Return the built-in packages, then the contrib ones, each sorted by name.

    Raises:
        SystemExit: one is not installed, or cannot be used, so that pages would lack it.
    """
    files = [*ROOT.glob("plugins_builtin/*/pyproject.toml"), *ROOT.glob("contrib/*/pyproject.toml")]
    files.sort(key=lambda f: (f.parts[-3] == "contrib", f))
    found = [
        Package(f.parent, tomllib.loads(f.read_text(encoding="utf-8"))["project"]) for f in files
    ]
    usable = {record.distribution for record in scan() if record.usable}
    if missing := [package for package in found if package.name not in usable]:
        lines = "\n".join(f"pip install -e {package.path}" for package in missing)
        raise SystemExit(f"the pages cannot be written without these packages:\n{lines}")
    return found


def page(registry: Registry) -> str:
    """Return the gallery."""
    own = packages()
    of = {package.name: package for package in own}
    components = [c for c in registry.components() if c.distribution in of]
    parts = [HEAD]
    for kind, (title, text) in KINDS.items():
        found = [c for c in components if c.kind == kind]
        if found:
            parts += [f"## {title}", text, _components(kind, sorted(found, key=_order(of)), of)]
    if missing := {c.kind for c in components} - KINDS.keys():
        raise KeyError(f"the gallery has no place for {missing}")
    parts += ["## Packages", "From a clone of the repository:", _packages(own, components)]
    return "\n\n".join(part.strip() for part in parts if part)


def _order(of: dict[str, Package]) -> Any:
    return lambda c: (of[c.distribution].path.startswith("contrib"), c.name)


def _components(kind: str, found: Sequence[RegisteredComponent], of: dict[str, Package]) -> str:
    rows = [["name", "package", "what it does"]]
    for component in found:
        declared = component.component
        what = declared.summary
        if declared.reference:
            what += f" *{declared.reference.rstrip('.')}.*"
        if declared.capabilities.get("network"):
            what += " Asks the network."
        rows.append([_name(component, of), _package(of[component.distribution]), what])
    if kind != "injector":
        return _table(rows)
    facts = [["name", *INJECTOR_COLUMNS]]
    for component in found:
        own = component.component.capabilities
        facts.append(
            [f"`{component.name}`", *(str(make(own)) for make in INJECTOR_COLUMNS.values())]
        )
    return f"{_table(rows)}\n\n### What they take\n\n{_table(facts)}"


def _name(component: RegisteredComponent, of: dict[str, Package]) -> str:
    if of[component.distribution].path.startswith("contrib"):
        return f"`{component.name}`"
    anchor = re.sub(r"[^\w -]", "", f"{component.kind}/{component.name}")
    return f"[`{component.name}`](reference/components.md#{anchor})"


def _package(package: Package) -> str:
    anchor = re.sub(r"[^\w-]", "", package.name)
    return f"[{package.name.removeprefix('kp-plugin-')}](#{anchor})"


def _packages(own: Sequence[Package], components: Sequence[RegisteredComponent]) -> str:
    return "\n\n".join(
        "\n".join(_facts(package, [c for c in components if c.distribution == package.name]))
        for package in own
    )


def _facts(package: Package, components: Sequence[RegisteredComponent]) -> Iterator[str]:
    offers = [f"`{c.kind}/{c.name}`" for c in components]
    offers += [f"the command `kpframework {name}`" for name in package.commands]
    yield f"### {package.name}\n"
    yield f"{package.project['description']}\n"
    yield f"- offers {', '.join(offers)}"
    contrib = ", a worked example of a plugin" if package.path.startswith("contrib") else ""
    yield f"- version {package.project['version']}, {package.project['license']}{contrib}"
    yield f"- `pip install ./{package.path}`"


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
