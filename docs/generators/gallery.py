"""The gallery: the built-in and contrib packages by their own metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from generators.packages import Package, packages

from kpframework import Component

Offered = tuple[Component, Package]
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


def page() -> str:
    """Return the gallery."""
    offered = [(component, package) for package in packages() for component in package.components()]
    parts = [HEAD]
    for kind, (title, text) in KINDS.items():
        found = [(c, p) for c, p in offered if c.kind == kind]
        if found:
            found.sort(key=lambda own: (not own[1].is_built_in, own[0].name))
            parts += [f"## {title}", text, _components(kind, found)]
    parts += ["## Packages", "From a clone of the repository:", _packages()]
    return "\n\n".join(part.strip() for part in parts if part)


def _components(kind: str, found: Sequence[Offered]) -> str:
    rows = [["name", "package", "what it does"]]
    for component, package in found:
        what = component.summary
        if component.reference:
            what += f" *{component.reference.rstrip('.')}.*"
        if component.capabilities.get("network"):
            what += " Asks the network."
        rows.append([_name(component, package), _link(package), what])
    if kind != "injector":
        return _table(rows)
    facts = [["name", *INJECTOR_COLUMNS]]
    for component, _ in found:
        own = component.capabilities
        facts.append(
            [f"`{component.name}`", *(str(make(own)) for make in INJECTOR_COLUMNS.values())]
        )
    return f"{_table(rows)}\n\n### What they take\n\n{_table(facts)}"


def _name(component: Component, package: Package) -> str:
    if not package.is_built_in:
        return f"`{component.name}`"
    anchor = re.sub(r"[^\w -]", "", f"{component.kind}/{component.name}")
    return f"[`{component.name}`](reference/components.md#{anchor})"


def _link(package: Package) -> str:
    return f"[{package.name.removeprefix('kp-plugin-')}](#{package.name})"


def _packages() -> str:
    return "\n\n".join("\n".join(_facts(package)) for package in packages())


def _facts(package: Package) -> Iterator[str]:
    offers = sorted(f"{c.kind}/{c.name}" for c in package.components())
    offers = [f"`{name}`" for name in offers]
    offers += [f"the command `kpframework {name}`" for name in package.commands()]
    yield f"### {package.name}\n"
    yield f"{package.project['description']}\n"
    yield f"- offers {', '.join(offers)}"
    example = "" if package.is_built_in else ", a worked example of a plugin"
    yield f"- version {package.project['version']}, {package.project['license']}{example}"
    yield f"- `pip install ./{package.path}`"


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
