"""``kpframework link``: the mentions of a corpus."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kpframework.cli.source import kind_of

if TYPE_CHECKING:
    from kpframework.api.executor import Executor
    from kpframework.link.gold import Gold
    from kpframework.link.job import LinkJob
    from kpframework.link.output import Record
    from kpframework.link.source import LinkSource
    from kpframework.plugins import Registry
    from kpframework.run.progress import Display

STDOUT = "-"
INPUT_FORMATS = ("lines", "file", "jsonl", "bioc-xml", "brat", "docbin", "json", "pubtator")
GOLD_FORMATS = ("bioc-xml", "brat", "docbin", "json", "jsonl", "pubtator")


@click.command("link")
@click.argument("spec")
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option(
    "-o",
    "--output",
    help="File of the linked texts: .jsonl, .jsonl.gz or .parquet; - writes JSON lines to stdout.",
)
@click.option("--knowledge", metavar="ID", help="Knowledge section; else the first.")
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value of the spec."
)
@click.option(
    "--linker", "linker", metavar="NAME|JSON", help="Link with this one instead of SPEC's own."
)
@click.option(
    "--input-format",
    type=click.Choice(INPUT_FORMATS),
    help="Of every INPUT: a text a line, a text a file, JSON lines, or documents. Else by the "
    "suffix: what is unknown is a text a line.",
)
@click.option("--text-field", default="text", show_default=True, help="Of JSON lines.")
@click.option("--id-field", default="id", show_default=True, help="Of JSON lines.")
@click.option(
    "--mentions",
    type=click.Choice(["all", "spans", "none"]),
    help="What the linker is shown of mentions that come with a text: all of it, spans without "
    "entities, nothing. Else all; none where the gold's own texts are linked.",
)
@click.option("--format", "format_", type=click.Choice(["jsonl", "parquet"]), help="Of the output.")
@click.option("--no-text", is_flag=True, help="Leave the texts out of the records.")
@click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="At a line that is no text: stop, or leave it out and count it.",
)
@click.option("--overwrite", is_flag=True, help="Replace an output that is not this command's.")
@click.option("--executor", metavar="NAME|JSON", help="Who links; else SPEC's, or local.")
@click.option("--workers", type=click.IntRange(1), help="Option 'workers' of the executor.")
@click.option(
    "--shard-size",
    type=click.FloatRange(1e-4, 1024),
    default=4,
    show_default=True,
    help="MiB of text that a worker takes at once, and that is done again after a crash.",
)
@click.option(
    "--top",
    type=click.IntRange(0, 10_000),
    default=20,
    show_default=True,
    help="Most frequent entities of the report.",
)
@click.option(
    "--gold",
    type=click.Path(path_type=Path),
    help="Documents with gold mentions to score against, by id; without INPUT their own texts "
    "are linked.",
)
@click.option(
    "--gold-format", type=click.Choice(GOLD_FORMATS), help="Else by suffix and first line."
)
@click.option(
    "--gold-space", default="", metavar="SPACE", help="Id space of the gold's ids, such as MESH."
)
@click.option(
    "--resamples",
    type=click.IntRange(100, 100_000),
    default=2000,
    show_default=True,
    help="Of the bootstrap, by document.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(**options: Any) -> None:
    """Link the texts of INPUT to a knowledge base; tell what was found in how much text.

    SPEC is a spec, a saved knowledge plugin (a folder below a run's plugins/), or, with --linker, a
    knowledge base's own section, '{"type": "obo", "path": "go.obo"}', or a folder that holds a
    stored one. INPUT are files, packed or not, and - for stdin.

    The work is cut into shards. What a stopped or killed call has done, the same call does not do
    again. The output has the same bytes whoever links it.
    """
    from kpframework.cli import link_show
    from kpframework.cli.output import emit_json
    from kpframework.kb.store import open_store
    from kpframework.link.job import link_corpus
    from kpframework.plugins import load
    from kpframework.run.progress import Display

    output, gold = options["output"], options["gold"]
    if not options["inputs"] and gold is None:
        raise click.UsageError("give an INPUT, - for stdin, or --gold")
    if output is None and gold is None:
        raise click.UsageError("give -o FILE, or -o - for stdout")
    if output == STDOUT and options["as_json"]:
        raise click.UsageError("--json prints the summary to stdout, where -o - has the records")
    display = Display(enabled=not options["quiet"])
    registry = load()
    source = _source(options, registry, display)
    truth = _gold(options, open_store(source.kb)) if gold else None
    executor = _executor(options, source, registry)

    def look(records: Iterable[Record]) -> dict[str, Any]:
        if output == STDOUT:
            link_show.write_records(records)
            return {}
        return truth.look(records, options["resamples"]) if truth else {}

    result = link_corpus(_job(options, source), executor, display, look)
    if options["as_json"]:
        emit_json(result)
    else:
        link_show.show(result, err=output == STDOUT)


def _source(options: dict[str, Any], registry: Registry, display: Display) -> LinkSource:
    from kpframework.link.source import from_folder, from_section, from_spec
    from kpframework.run.look import section

    linker = section(options["linker"], "--linker") if options["linker"] else None
    text, knowledge, overrides = options["spec"], options["knowledge"], options["overrides"]
    kind = kind_of(text, "--knowledge and --set", bool(knowledge or overrides))
    if kind == "section":
        return from_section(text, linker, registry, display)
    if kind == "folder":
        return from_folder(Path(text), linker, registry)
    return from_spec(Path(text), knowledge, overrides, linker, registry, display)


def _gold(options: dict[str, Any], kb: Any) -> Gold:
    from kpframework.link.gold import read_gold

    if options["output"] == STDOUT:
        raise click.UsageError("--gold prints scores to stdout, where -o - has the records")
    return read_gold(
        options["gold"],
        kb,
        format=options["gold_format"],
        id_space=options["gold_space"],
        skip=options["on_error"] == "skip",
    )


def _executor(options: dict[str, Any], source: LinkSource, registry: Registry) -> Executor | None:
    """Return who links; None leaves it to this process, where one shard is all there is."""
    from kpframework.api.config import ComponentRef
    from kpframework.api.context import Context
    from kpframework.run.look import section
    from kpframework.spec.resolve import bind_ref

    bound = source.executor
    if options["executor"] or bound is None:
        bound = bind_ref(
            "executor", section(options["executor"] or "local", "--executor"), registry
        )
    if options["workers"] is not None:
        ref = ComponentRef.model_validate({**bound.filled(), "workers": options["workers"]})
        bound = bind_ref("executor", ref, registry)
    executor: Executor = bound.create(Context())
    return executor


def _job(options: dict[str, Any], source: LinkSource) -> LinkJob:
    from kpframework.link.job import LinkJob
    from kpframework.link.output import format_of
    from kpframework.link.texts import Reading

    output = options["output"]
    path = None if output in {None, STDOUT} else Path(output)
    inputs, input_format = options["inputs"], options["input_format"]
    own = not inputs
    if own:
        from kpframework.api.documents import document_format

        inputs = (str(options["gold"]),)
        input_format = options["gold_format"] or document_format(options["gold"])
    return LinkJob(
        source=source,
        inputs=inputs,
        output=path,
        format=format_of(path, options["format_"]) if path else "jsonl",
        input_format=input_format,
        documents=own,
        reading=Reading(
            options["text_field"],
            options["id_field"],
            options["mentions"] or ("none" if own else "all"),
        ),
        text=not options["no_text"],
        shard_bytes=round(options["shard_size"] * 2**20),
        on_error=options["on_error"],
        overwrite=options["overwrite"],
        top=options["top"],
    )
