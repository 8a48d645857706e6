"""What to say of a component that is not there: did you mean, and who might have offered it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches

from kpframework.component import KINDS
from kpframework.errors import KpError, PluginError, SpecError
from kpframework.plugins.records import PluginRecord, RegisteredComponent

SHOWN = 12

LONGEST = 60
"""Characters of a word that are compared: what a user pastes by mistake may be a whole text."""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?``, or nothing if no choice resembles the word, in any case."""
    lowered = {choice.lower(): choice for choice in choices}
    close = get_close_matches(word[:LONGEST].lower(), list(lowered), n=1, cutoff=0.6)
    return f" Did you mean {lowered[close[0]]!r}?" if close else ""


def unknown_component(
    kind: str,
    name: str,
    components: Sequence[RegisteredComponent],
    plugins: Sequence[PluginRecord],
) -> KpError:
    """Return the error for a (kind, name) no usable plugin offers.

    Returns:
        PluginError KP204 if an installed plugin that is not in use would offer it, by what it
        declared when it was last loaded or else by its own name; otherwise SpecError KP201.
    """
    unused = [p for p in plugins if not p.usable]
    suspects = [p for p in unused if _declares(p, kind, name)] or [
        p for p in unused if not p.components and _resembles(p, name)
    ]
    if suspects:
        return PluginError(
            "KP204",
            f"no {kind} named {name!r} is loaded.\n"
            + "\n".join(f"{p.title} is installed but {p.state}: {p.reason}" for p in suspects),
            "\n".join(dict.fromkeys(p.fix for p in suspects if p.fix)),
        )
    return SpecError("KP201", _message(kind, name, components, unused), _fix(kind, name, unused))


def _declares(plugin: PluginRecord, kind: str, name: str) -> bool:
    qualifier, _, short = name.rpartition("/")
    return qualifier in ("", plugin.name, plugin.distribution) and any(
        (c.kind, c.name) == (kind, short) for c in plugin.components
    )


def _resembles(plugin: PluginRecord, name: str) -> bool:
    word = name.partition("/")[0].lower()
    own = {plugin.name.lower(), plugin.distribution.lower().removeprefix("kp-plugin-")}
    return any(
        word in part.split("-") or SequenceMatcher(None, word, part).ratio() > 0.8 for part in own
    )


def _message(
    kind: str,
    name: str,
    components: Sequence[RegisteredComponent],
    unused: Sequence[PluginRecord],
) -> str:
    if kind not in KINDS:
        return f"{kind!r} is no kind of component; kinds are {', '.join(KINDS)}"
    same = sorted({c.name for c in components if c.kind == kind})
    qualified = [c.qualified for c in components if c.kind == kind]
    lines = [f"no {kind} is named {name!r}.{did_you_mean(name, same + qualified)}"]
    elsewhere = sorted({c.kind for c in components if c.name == name and c.kind != kind})
    if elsewhere:
        lines.append(f"{name!r} is of kind {' and '.join(elsewhere)}, not {kind}")
    lines.append(f"{kind}: {_listed(same)}" if same else f"no {kind} is installed")
    if unused:
        # One switched off on purpose explains a missing name less often than one that failed.
        first = sorted(unused, key=lambda plugin: plugin.state == "disabled")
        states = [f"{p.name} ({p.state})" for p in first]
        lines.append(f"installed but not in use: {_listed(states)}")
    return "\n".join(lines)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _fix(kind: str, name: str, unused: Sequence[PluginRecord]) -> str:
    see = "kpframework plugins doctor" if unused else "kpframework plugins list"
    return f"correct the name, or install the plugin that offers {kind}/{name}; see: {see}"
