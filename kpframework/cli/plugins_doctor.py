"""``kpframework plugins doctor``: what is wrong with plugins and environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from kpframework.cli.output import echo, emit_json
from kpframework.cli.root import COMMANDS
from kpframework.errors import PluginError, Problem
from kpframework.plugins.commands import offered
from kpframework.plugins.discovery import scan
from kpframework.plugins.doctor import environment_problems, packaging_problems, versions
from kpframework.plugins.probing import diagnose
from kpframework.plugins.records import PluginRecord
from kpframework.plugins.survey import survey
from kpframework.plugins.switching import select

FAILED = ("broken", "incompatible", "conflict", "shadowed")


def examine(names: Sequence[str], as_json: bool, imports: bool) -> int:
    """Examine the named plugins (default: all) and print the findings; return the exit code."""
    scanned = scan()
    chosen = {r.identity for r in (select(scanned, names) if names else scanned)}
    told: list[Problem] = []
    if imports:
        for diagnosis in diagnose(r for r in scanned if r.state == "ok" and r.identity in chosen):
            told += diagnosis.problems
    known = offered(survey(scanned, imports), COMMANDS)
    records = [r for r in known if r.identity in chosen]
    advice = told + packaging_problems(records) + environment_problems()
    if as_json:
        emit_json(
            {
                "versions": versions(),
                "plugins": [r.as_json() for r in records],
                "advice": [asdict(problem) for problem in advice],
            }
        )
    else:
        _print(records, advice)
    return PluginError.exit_code if any(r.state in FAILED for r in records) else 0


def _print(records: Sequence[PluginRecord], advice: Sequence[Problem]) -> None:
    echo("  ".join(f"{name} {version}" for name, version in versions().items()))
    for record in records:
        echo(f"{record.state:<12}  {record.name} ({record.title})")
        for label, text in (("", record.reason), ("fix: ", record.fix), ("note: ", record.note)):
            if text:
                echo(f"{'':14}{label}{text}")
    for problem in advice:
        echo(f"advice[{problem.code}]: {problem.message}")
        if problem.fix:
            echo(f"  fix: {problem.fix}")
    failed = sum(r.state in FAILED for r in records)
    echo(f"{len(records)} plugins, {failed} that cannot be used, {len(advice)} pieces of advice")
