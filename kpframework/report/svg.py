"""Inline SVG by ElementTree, which escapes every text and attribute.

Horizontal places are percentages where a drawing stretches with the page, so that its texts keep
their size on a phone. Colours come from the page's style sheet through classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

Number = float | int


class Drawing:
    """One ``<svg>`` with a title and a description; a template shows it as it is.

    Args:
        ident: unique in the page; names the title and the description.
        title: what the drawing is.
        description: what it shows, for who cannot see it.
        height: in pixels.
        view: width of the view box, where the drawing scales as a whole.
    """

    def __init__(
        self, ident: str, title: str, description: str, height: Number, view: Number | None = None
    ) -> None:
        attributes = {"role": "img", "aria-labelledby": f"{ident}-t {ident}-d", "class": "plot"}
        if view is None:
            attributes |= {"width": "100%", "height": place(height)}
        else:
            attributes |= {"viewBox": f"0 0 {place(view)} {place(height)}"}
        self.root = ET.Element("svg", attributes)
        ET.SubElement(self.root, "title", {"id": f"{ident}-t"}).text = title
        ET.SubElement(self.root, "desc", {"id": f"{ident}-d"}).text = description

    def __html__(self) -> str:
        return ET.tostring(self.root, encoding="unicode")

    def add(self, tag: str, style: str, text: str | None = None, **where: Number | str) -> None:
        """Add an element; attributes named with underscores get hyphens."""
        attributes = {
            name.replace("_", "-"): value if isinstance(value, str) else place(value)
            for name, value in where.items()
        }
        ET.SubElement(self.root, tag, {"class": style, **attributes}).text = text

    def text(self, style: str, text: str, x: Number | str, y: Number, anchor: str) -> None:
        """Add a text at its ``start``, ``middle`` or ``end``."""
        self.add("text", style, text, x=x, y=y, text_anchor=anchor)

    def path(self, style: str, xy: Sequence[tuple[float, float]]) -> None:
        """Add a line through points."""
        points = " ".join(f"{place(x)},{place(y)}" for x, y in xy)
        self.add("polyline", style, points=points)


class Scale:
    """Maps values to places, linearly."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        if not high > low:
            low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
        self.low, self.high, self.start, self.end = low, high, start, end

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def at(self, value: float) -> str:
        """Return the place as a percentage."""
        return f"{place(self(value))}%"

    def ticks(self, most: int) -> list[float]:
        """Return at most ``most + 1`` round values inside the scale."""
        raw = (self.high - self.low) / max(most, 1)
        if not (math.isfinite(raw) and raw > 0):
            return []
        power = 10.0 ** math.floor(math.log10(raw))
        step = next((power * m for m in (1, 2, 2.5, 5) if power * m >= raw * 0.999), 10 * power)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]


def padded(values: Sequence[float], share: float) -> tuple[float, float]:
    """Return the range of values, widened on both sides by a share of it."""
    low, high = min(values), max(values)
    margin = (high - low) * share
    return low - margin, high + margin


def place(value: Number) -> str:
    """Return a coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
