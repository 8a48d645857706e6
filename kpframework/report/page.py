"""One self-contained HTML page: no script, no request, every string shown as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kpframework.errors import KpError
from kpframework.report import facts, figures, numbers, tables
from kpframework.report.examples import example_groups
from kpframework.report.grid import Cell, Column, Grid, results_grid
from kpframework.report.model import PluginSection, Results
from kpframework.report.notes import failures, footnotes
from kpframework.report.space import space_figures
from kpframework.report.summary import findings
from kpframework.report.truncation import truncation_table
from kpframework.safe import safe_line, safe_text
from kpframework.writing import replacing

if TYPE_CHECKING:
    from jinja2 import Template

PAGE_FILE = "report.html"
_MOST_SECTION_ROWS = 500
_FETCHING = frozenset(
    {"src", "srcset", "href", "xlink:href", "action", "formaction", "data", "poster", "background"}
)
_ACTIVE = frozenset(
    {"script", "iframe", "object", "embed", "base", "form", "link", "foreignobject"}
)


@cache
def template(name: str) -> Template:
    """Return a template that shows every value as text, whatever it holds."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("kpframework.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["typeset"] = numbers.typeset
    environment.globals["zip"] = zip
    return environment.get_template(name)


def render_page(results: Mapping[str, Any]) -> str:
    """Return the whole page as HTML."""
    return template("page.html.j2").render(_context(cast("Results", results)))


def write_report(results: Mapping[str, Any], folder: Path) -> Path:
    """Write ``report.html`` into a folder, whole or not at all, and return its path.

    Raises:
        KpError: KP803, it cannot be written.
    """
    return write_page(results, folder / PAGE_FILE)


def write_page(results: Mapping[str, Any], path: Path) -> Path:
    """Write the page to a path, whole or not at all, and return the path.

    Raises:
        KpError: KP803, it cannot be written.
    """
    write_whole(path, render_page(results), "kpframework report RUN_FOLDER -o page.html")
    return path


def write_whole(path: Path, text: str, other: str) -> None:
    """Write a file whole or not at all.

    Args:
        path: of the file.
        text: its content.
        other: the command that writes it elsewhere.

    Raises:
        KpError: KP803, it cannot be written.
    """
    try:
        with replacing(path, durable=True) as temporary:
            temporary.write_bytes(text.encode())
    except OSError as error:
        raise KpError(
            "KP803",
            f"cannot write {path}: {error.strerror or error}",
            f"free some space, or name another file: {other}",
        ) from error


def _context(results: Results) -> dict[str, Any]:
    timing, timing_plot = figures.timing_figure(results)
    version = results.get("version")
    return {
        "name": safe_line(results["name"]),
        "description": safe_text(results.get("description") or ""),
        "made": [
            text
            for text in (
                facts.created(results),
                f"kpframework {safe_line(version)}" if version else "",
                numbers.plural(len(results["seeds"]), "seed"),
                safe_line((results.get("backbone") or {}).get("name") or ""),
            )
            if text
        ],
        "findings": findings(results),
        "failures": failures(results),
        "grid": results_grid(results),
        "footnotes": footnotes(results),
        "forests": figures.forests(results),
        "subsets": tables.subset_tables(results),
        "classes": tables.class_tables(results),
        "metrics": tables.metric_tables(results),
        "methods": tables.method_table(results),
        "references": tables.references(results),
        "curves": figures.curve_figures(results),
        "trained_on": tables.training_table(results),
        "knowledge": facts.knowledge_cards(results),
        "coverage": figures.coverage_figures(results),
        "truncation": truncation_table(results),
        "spaces": space_figures(results),
        "freezing": tables.freezing(results),
        "examples": example_groups(results),
        "timing": timing,
        "timing_plot": timing_plot,
        "tasks": facts.task_cards(results),
        "backbone": facts.backbone_facts(results),
        "environment": facts.facts_of(results.get("environment") or {}),
        "lock": facts.lock_text(results),
        "plugins": facts.facts_of(results.get("plugins") or {}),
        "sections": [_section(section) for section in results.get("sections") or ()],
    }


def _section(section: PluginSection) -> dict[str, Any]:
    rows = section.get("rows") or []
    width = max((len(row) for row in rows), default=0)
    lines = [
        tuple(Cell(safe_line(value)) for value in [*row, *[""] * (width - len(row))])
        for row in rows[:_MOST_SECTION_ROWS]
    ]
    columns = tuple(Column(cell.text, numeric=False) for cell in lines[0]) if lines else ()
    return {
        "title": safe_line(section["title"]),
        "plugin": safe_line(section.get("plugin") or ""),
        "text": safe_text(section.get("text") or ""),
        "grid": Grid(columns, tuple(lines[1:])) if len(lines) > 1 else None,
    }


def external_references(html: str) -> list[str]:
    """Return everything in a page that could run or fetch; empty for a self-contained one."""
    check = _SelfContained()
    check.feed(html)
    check.close()
    return check.found


class _SelfContained(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._style = False

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        if tag in _ACTIVE:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            text = (value or "").strip()
            fetches = name in _FETCHING and not text.startswith(("#", "data:"))
            refreshes = tag == "meta" and name == "http-equiv" and text.lower() == "refresh"
            if name.startswith("on") or fetches or refreshes:
                self.found.append(f"<{tag} {name}={text!r}>")
            if name == "style":
                self._check_style(text)

    def handle_data(self, data: str) -> None:
        if self._style:
            self._check_style(data)

    def _check_style(self, style: str) -> None:
        self.found += [
            f"style with {word}" for word in ("@import", "url(") if word in style.lower()
        ]
