"""What is wrong with the environment and with how plugins are packaged, from metadata alone."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from kpframework import __version__
from kpframework.errors import Problem
from kpframework.plugins.records import PluginRecord
from kpframework.plugins.requirements import versions as installed_versions

FLOORS = {
    "torch": ("2.10", "its weights_only loading can be made to run code from a file"),
    "transformers": ("5.5", "CVE-2026-5241: a model folder can run code without consent"),
}
"""Lowest versions without a known hole that a model or a file from elsewhere can use."""
SHOWN = ("torch", "transformers", "pydantic", "pluggy", "safetensors")


def versions() -> dict[str, str]:
    """Return the versions of Python, the core and the packages it stands on."""
    found = {"python": platform.python_version(), "kpframework": __version__}
    return found | dict.fromkeys(SHOWN, "not installed") | installed_versions(SHOWN)


def environment_problems() -> list[Problem]:
    """Return packages that are missing or older than the lowest safe version (KP210)."""
    from packaging.version import InvalidVersion, Version

    problems = []
    found = installed_versions(FLOORS)
    for name, (floor, why) in FLOORS.items():
        fix = f"pip install --upgrade '{name}>={floor}'"
        installed = found.get(name)
        if installed is None:
            problems.append(Problem("KP210", f"{name} is not installed", fix))
            continue
        try:
            old = Version(installed) < Version(floor)
        except InvalidVersion:
            continue
        if old:
            problems.append(Problem("KP210", f"{name} {installed} is below {floor}: {why}", fix))
    return problems


def packaging_problems(plugins: Sequence[PluginRecord]) -> list[Problem]:
    """Return what a plugin's authors should change, though it works (KP211)."""
    problems = []
    for plugin in plugins:
        if plugin.core_range in (None, "any"):
            problems.append(
                Problem(
                    "KP211",
                    f"{plugin.title} declares no version range for kpframework, so an "
                    "incompatible release cannot be told before it is imported",
                    f"its authors add 'kpframework>=0.1,<0.2' to the dependencies of "
                    f"{plugin.distribution}",
                )
            )
        expected = plugin.distribution.removeprefix("kp-plugin-")
        if plugin.module and plugin.name not in (expected, plugin.key):
            problems.append(
                Problem(
                    "KP211",
                    f"{plugin.title} registers the plugin {plugin.name!r}: by its distribution's "
                    f"name one would expect {expected!r}",
                    "its authors give the entry point the distribution's name",
                )
            )
    return problems
