"""Finding installed plugins by their metadata alone; nothing of theirs is imported here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import Distribution, distributions

from kpframework import __version__
from kpframework.plugins.records import PluginRecord
from kpframework.plugins.settings import ALLOW_VARIABLE, allow_list, disabled_plugins

GROUP = "kpframework"
COMMANDS_GROUP = "kpframework.commands"
"""Entry points ``NAME = module``; the module is import-light, and has a click ``command``."""
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def scan(safe_mode: bool = False) -> list[PluginRecord]:
    """Return every installed plugin, sorted by distribution and entry point, without importing any.

    The state is ``ok`` (nothing known against it), ``disabled``, ``incompatible``, ``shadowed``, or
    ``broken`` where the metadata itself is.

    Raises:
        KpError: the settings file cannot be read (KP207).
    """
    records = _shadow(sorted(_installed(), key=lambda r: (r.distribution, r.name)))
    disabled = disabled_plugins()
    return [_wanted(record, safe_mode, disabled) for record in _unique_names(records)]


def _installed() -> Iterator[PluginRecord]:
    seen = set()
    for distribution in distributions():
        text = _read(distribution, "entry_points.txt")
        folder = str(distribution.locate_file(""))
        if GROUP not in text:
            continue
        found: dict[str, dict[str, str]] = {}
        for entry in distribution.entry_points:
            mark = (folder, entry.group, entry.name, entry.value)
            if entry.group in (GROUP, COMMANDS_GROUP) and mark not in seen:
                seen.add(mark)
                found.setdefault(entry.name, {})[entry.group] = entry.value
        for name, modules in found.items():
            yield _record(distribution, name, modules, folder)


def _read(distribution: Distribution, name: str) -> str:
    try:
        return distribution.read_text(name) or ""
    except (OSError, UnicodeDecodeError):
        return ""


def _record(
    distribution: Distribution, entry: str, modules: Mapping[str, str], folder: str
) -> PluginRecord:
    """Return the record of an entry point's name, with its module in each group."""
    header = _header(_read(distribution, "METADATA") or _read(distribution, "PKG-INFO"))
    name = re.sub(r"[-_.]+", "-", (header.get("name") or ["?"])[0]).lower()
    record = PluginRecord(
        name=entry,
        distribution=name,
        version=(header.get("version") or ["?"])[0],
        module=modules.get(GROUP, ""),
        command_module=modules.get(COMMANDS_GROUP, ""),
        location=folder,
    )
    for module in modules.values():
        if not _MODULE.fullmatch(module):
            return replace(
                record,
                state="broken",
                reason=f"its entry point is {module!r}, not the name of a module",
                fix=f"pip install --upgrade {name}, or: kpframework plugins disable {entry}",
            )
    return _compatible(record, header.get("requires-dist", []))


def _header(text: str) -> dict[str, list[str]]:
    """Return the fields of a METADATA file.

    `email` would parse the description too, which is most of the file and of the time.
    """
    fields: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if colon and not line[0].isspace():
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    return fields


def _compatible(record: PluginRecord, requires: Sequence[str]) -> PluginRecord:
    from packaging.requirements import InvalidRequirement, Requirement

    for line in requires:
        if not re.match(r"kpframework(?![\w.-])", line, re.IGNORECASE):
            continue
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            return replace(
                record,
                state="broken",
                reason=f"its metadata is invalid: Requires-Dist: {line}",
                fix=f"pip install --upgrade {record.distribution}",
            )
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        core_range = str(requirement.specifier)
        record = replace(record, core_range=core_range or "any")
        if not requirement.specifier.contains(__version__, prereleases=True):
            return replace(
                record,
                state="incompatible",
                reason=f"needs kpframework{core_range}, {__version__} is installed",
                fix=f"pip install --upgrade {record.distribution} 'kpframework=={__version__}', "
                f"or: pip install 'kpframework{core_range}'",
            )
    return record


def _shadow(records: Sequence[PluginRecord]) -> list[PluginRecord]:
    """Mark the copies of a distribution that stand behind another on the import path."""
    # `sorted` is stable and `distributions` follows sys.path: the first copy is the one imported.
    first: dict[str, PluginRecord] = {}
    marked = []
    for record in records:
        winner = first.setdefault(record.distribution, record)
        if winner.location == record.location:
            marked.append(record)
            continue
        marked.append(
            replace(
                record,
                state="shadowed",
                reason=f"{winner.title} in {winner.location} comes first on the import path; "
                f"this copy is in {record.location}",
                fix=f"pip uninstall {record.distribution}, once for each copy, and install one",
            )
        )
    return marked


def _unique_names(records: Sequence[PluginRecord]) -> list[PluginRecord]:
    """Qualify entry-point names that two distributions use, so that a name is one plugin."""
    live = Counter(r.name for r in records if r.state != "shadowed")
    return [replace(r, name=r.key) if live[r.name] > 1 else r for r in records]


def _wanted(record: PluginRecord, safe_mode: bool, disabled: frozenset[str]) -> PluginRecord:
    if record.state == "shadowed":
        return record
    if record.key in disabled:
        return replace(
            record,
            state="disabled",
            reason="disabled by the user",
            fix=f"kpframework plugins enable {record.name}",
        )
    allowed = allow_list()
    if safe_mode or allowed == frozenset():
        return replace(
            record,
            state="disabled",
            reason="safe mode: no plugin is used",
            fix=f"leave out --safe-mode, or unset {ALLOW_VARIABLE}",
        )
    if allowed is not None and not allowed & {record.name, record.distribution, record.key}:
        return replace(
            record,
            state="disabled",
            reason=f"not among those {ALLOW_VARIABLE} allows",
            fix=f"add {record.name} to {ALLOW_VARIABLE}, or unset it",
        )
    return record
