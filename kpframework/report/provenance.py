"""Where the steps behind a table were made, if it was not here."""

from __future__ import annotations

from kpframework.report import numbers
from kpframework.report.model import Results
from kpframework.safe import safe_line


def made_elsewhere(results: Results) -> list[str]:
    """Return one line for each way in which reused steps were made otherwise than today's."""
    lines = []
    for group in results.get("made_elsewhere") or ():
        steps = numbers.plural(len(group["steps"]), "reused step")
        were = "was" if len(group["steps"]) == 1 else "were"
        if group["differs"] is None:
            lines.append(f"{steps} {were} made before their packages were written down")
            continue
        named = [
            f"{safe_line(name)} {numbers.DASH if then is None else safe_line(then)}, "
            f"{numbers.DASH if now is None else safe_line(now)} here"
            for name, (then, now) in group["differs"].items()
        ]
        lines.append(f"{steps} {were} made with {'; '.join(named)}")
    return lines
