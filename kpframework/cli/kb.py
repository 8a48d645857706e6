"""``kpframework kb``: what is in a knowledge base."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kpframework.cli.source import kind_of

if TYPE_CHECKING:
    from kpframework.kb.statistics import Progress
    from kpframework.kb.store import KBStore
    from kpframework.run.cache import Cache
    from kpframework.run.progress import Display

Look = Callable[["KBStore", "Progress"], dict[str, Any]]


@click.group("kb", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Look into the knowledge base of a spec, or of a folder that holds a stored one.

    SPEC is a spec, whose knowledge base is read into the cache as `run` does, or taken from there.
    It may also be a knowledge base's own section, '{"type": "obo", "path": "go.obo"}', a folder of
    a run's plugins/, or a kb folder of the cache.
    """


def _options(limit: int, limited: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that all of them have."""
    options = (
        click.option("--kb", "section", metavar="ID", help="Knowledge section; else the first."),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="PATH=VALUE",
            help="Change a value of the spec.",
        ),
        click.option(
            "--limit",
            type=click.IntRange(1, 100_000),
            default=limit,
            show_default=True,
            help=limited,
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("-q", "--quiet", is_flag=True, help="Show no progress."),
    )

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def inner(**values: Any) -> None:
            function(_Source(**{key: values.pop(key) for key in _Source.KEYS}), **values)

        for option in reversed(options):
            inner = option(inner)
        return click.argument("spec")(inner)

    return decorate


class _Source:
    """The knowledge base a command is asked about, and how it answers."""

    KEYS = ("spec", "section", "overrides", "as_json", "quiet")

    def __init__(
        self,
        spec: str,
        section: str | None,
        overrides: tuple[str, ...],
        as_json: bool,
        quiet: bool,
    ) -> None:
        chosen = section is not None or bool(overrides)
        self.kind = kind_of(spec, "--kb and --set", chosen)
        self.spec = spec
        self.section = section
        self.overrides = overrides
        self.as_json = as_json
        self.quiet = quiet

    def answer(self, look: Look, show: str) -> None:
        """Look into the knowledge base and print what is found with a function of `kb_show`."""
        from kpframework.cli import kb_show
        from kpframework.cli.output import emit_json
        from kpframework.run.cache import Cache
        from kpframework.run.progress import Display

        display = Display(enabled=not self.quiet)
        store = self._store(Cache(), display)
        with display.running(1):
            found = look(store, display.progress)
        if self.as_json:
            emit_json(found)
        else:
            getattr(kb_show, show)(found)

    def _store(self, cache: Cache, display: Display) -> KBStore:
        from kpframework.kb.store import open_store
        from kpframework.plugins import load
        from kpframework.run.look import kb_of_section, kb_of_spec, stored_kb

        if self.kind == "folder":
            return open_store(stored_kb(Path(self.spec)))
        registry = load()
        if self.kind == "section":
            return open_store(kb_of_section(self.spec, registry, cache, display))
        spec = Path(self.spec)
        return open_store(kb_of_spec(spec, self.section, self.overrides, registry, cache, display))


def _text(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse what no text of a knowledge base can be."""
    if not value.strip():
        raise click.BadParameter("is empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("is not UTF-8") from None
    return value


@command.command()
@_options(10, "Relations, types, id spaces and ambiguous names that are listed.")
def info(source: _Source, limit: int) -> None:
    """Count what SPEC's knowledge base consists of.

    Entities, names, triples by relation, degrees, types, cross-references, and names that mean
    several entities; release and licence as far as the provider knows them.
    """

    def look(store: KBStore, progress: Progress) -> dict[str, Any]:
        from kpframework.kb.statistics import statistics

        return statistics(store, limit, progress)

    source.answer(look, "show_info")


@command.command()
@_options(10, "Entities that are shown.")
@click.argument("text", callback=_text)
def search(source: _Source, limit: int, text: str) -> None:
    """Find entities by their names, or by a part of one.

    Names and aliases that are TEXT come first, then those that contain it; case does not matter.
    """

    def look(store: KBStore, progress: Progress) -> dict[str, Any]:
        from kpframework.kb.search import search as search_store

        return search_store(store, text, limit, progress)

    source.answer(look, "show_search")


@command.command()
@_options(10, "Relations in each direction, and triples of each, that are shown.")
@click.argument("entity", callback=_text)
def neighbours(source: _Source, limit: int, entity: str) -> None:
    """Show the triples that leave and enter ENTITY, by relation.

    ENTITY is an id, a cross-reference SPACE:id, or a name that no other entity has.
    """

    def look(store: KBStore, progress: Progress) -> dict[str, Any]:
        from kpframework.kb.neighbours import neighbours as around

        return around(store, entity, limit, progress)

    source.answer(look, "show_neighbours")


@command.command()
@_options(5, "Examples of each finding.")
def audit(source: _Source, limit: int) -> None:
    """Count strange texts, duplicates and other traps.

    Texts that command a terminal or speak to a language model, characters that are not seen,
    special tokens, markup, names too long or too short, self-loops, ids of which nothing is
    known. The exit code is 0 whatever is found.
    """

    def look(store: KBStore, progress: Progress) -> dict[str, Any]:
        from kpframework.kb.audit import audit as audit_store

        return audit_store(store, limit, progress)

    source.answer(look, "show_audit")
