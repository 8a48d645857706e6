"""``kpframework explain``: what knowledge does to one text."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("explain")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--text", required=True, help="The text.")
@click.option(
    "--span",
    "spans",
    multiple=True,
    metavar="TEXT[=ENTITY]",
    help="A mention of the task, as it stands in the text (a relation has two), with its entity id "
    "for a linker that takes the data's own ids; without it the first linked ones.",
)
@click.option("--row", default=None, help="Id of the row; the first that is trained without it.")
@click.option("--task", "task_id", default=None, help="Id of the task; the first without it.")
@click.option("--host", "host_id", default=None, help="Id of the host; the first without it.")
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value of the spec."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    spec: Path,
    text: str,
    spans: tuple[str, ...],
    row: str | None,
    task_id: str | None,
    host_id: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show mentions, entities, slots and the answer to --text with and without knowledge.

    Slots are positions put into the input; anchors are tokens of the text at which a method adds to
    hidden states.

    Steps of SPEC that are not in the cache yet are run first.
    """
    from kpframework.cli.output import echo, emit_json
    from kpframework.plugins import load
    from kpframework.run.cache import Cache
    from kpframework.run.explain import Question, explain
    from kpframework.run.progress import Display
    from kpframework.spec import load_spec

    question = Question(text, spans, row, task_id, host_id)
    answer = explain(load_spec(spec, overrides, load()), question, Cache(), Display())
    if as_json:
        emit_json(answer)
        return
    echo(f"text      {answer['text']}")
    for mention in answer["mentions"]:
        state = "" if mention["vector"] else "  (no vector: nothing is injected)"
        place = f"{mention['start']}-{mention['end']}"
        echo(
            f"mention   {place:<9} {mention['mention']!r} -> {mention['entity']} "
            f"{mention['name']!r}"
            f"{state}"
        )
    echo(f"tokens    {' '.join(answer['tokens'])}")
    if answer["slots"] or not answer["anchors"]:
        echo(f"slots     {answer['slots']} at positions {answer['positions']}")
    if answer["anchors"]:
        echo(f"anchors   {answer['anchors']} at positions {answer['anchor_positions']}")
    for note in answer["notes"]:
        echo(f"note      {note}")
    echo(f"without   {answer['without']}")
    echo(f"with      {answer['with']}   (row {answer['row']}, host {answer['host']})")
