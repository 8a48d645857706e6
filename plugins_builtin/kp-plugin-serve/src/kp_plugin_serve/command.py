"""The command; imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("serve")
@click.argument(
    "sources",
    metavar="RUN_OR_ARTIFACT...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option("--host", "address", default="127.0.0.1", show_default=True, help="Address bound.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port bound; 0 takes a free one.",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder of the frozen host; without it the one that the run keeps.",
)
def command(sources: tuple[Path, ...], address: str, port: int, model: Path | None) -> None:
    """Show in the browser what knowledge changes in a frozen model's answers.

    Each RUN_OR_ARTIFACT is a run's folder, of which all knowledge plugins are served, or the folder
    of one knowledge plugin.
    """
    from kp_plugin_serve.server import serve

    serve(sources, model, address, port)
