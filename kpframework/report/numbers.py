"""How numbers are written: shares in percent with one decimal, differences in points.

Plain ASCII, so that a table survives any terminal; `typeset` gives the page its minus signs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

NONE = "-"
DASH = "\N{EN DASH}"
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")
# Between a number and its percent sign, and inside an interval.
_UNBROKEN = re.compile(r"(?<=\d) (?=%)|(?<=\d,) (?=[^ ]*\d\])")


def is_number(value: object) -> bool:
    """Tell a finite number from everything else, booleans included."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def percent(value: float | None) -> str:
    """Return 0.5214 as ``52.1``."""
    return f"{100 * value:.1f}" if value is not None and math.isfinite(value) else NONE


def points(value: float | None) -> str:
    """Return a difference of shares in percentage points, with its sign: ``+3.2``."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{100 * value:+.1f}" if value else "0.0"


def percent_interval(bounds: Sequence[float | None] | None) -> str:
    """Return ``[50.4, 53.8]``, or nothing where there is no interval."""
    return _interval([percent(b) for b in bounds or ()])


def points_interval(bounds: Sequence[float | None] | None) -> str:
    """Return ``[+1.9, +4.5]``, or nothing where there is no interval."""
    return _interval([points(b) for b in bounds or ()])


def _interval(bounds: list[str]) -> str:
    return f"[{bounds[0]}, {bounds[1]}]" if len(bounds) == 2 and NONE not in bounds else ""


def count(value: float | None) -> str:
    """Return a whole number with its thousands apart."""
    return f"{value:,.0f}" if value is not None and math.isfinite(value) else NONE


def compact(value: float | None) -> str:
    """Return a count short enough for a column: ``148,224``, ``22.7 M``."""
    if value is None or not math.isfinite(value) or value < 1e6:
        return count(value)
    return f"{value / 1e6:.1f} M" if value < 1e9 else f"{value / 1e9:.1f} G"


def decimal(value: float | None, digits: int = 1) -> str:
    """Return a plain decimal."""
    return f"{value:,.{digits}f}" if value is not None and math.isfinite(value) else NONE


def megabytes(value: float | None) -> str:
    """Return bytes in units of 10^6, without a unit, as a column has it."""
    return NONE if value is None else count(value / 1e6)


def duration(seconds: float | None) -> str:
    """Return seconds as ``0.4 s``, ``38 s``, ``5 min 12 s`` or ``2 h 3 min``."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def share(part: float, whole: float) -> str:
    """Return a part of a whole in percent, or a dash where the whole is nothing."""
    return f"{percent(part / whole)} %" if whole else NONE


def plural(number: int, noun: str, many: str = "") -> str:
    """Return ``1 seed``, ``3 seeds``."""
    return f"{count(number)} {noun if number == 1 else many or noun + 's'}"


def metric_name(metric: str) -> str:
    """Return a metric's name as it is written in prose: ``micro_f1`` is micro-F1."""
    return re.sub(r"\bf1\b", "F1", metric.replace("_", "-"))


def typeset(text: str) -> str:
    """Return text with real minus signs, numbers that do not break, and a dash for nothing."""
    if text == NONE:
        return DASH
    return _UNBROKEN.sub("\N{NO-BREAK SPACE}", _MINUS.sub("\N{MINUS SIGN}", text))
