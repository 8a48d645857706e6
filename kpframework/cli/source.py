"""What stands in place of a spec: a spec, a component section, or a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

Kind = Literal["section", "folder", "spec"]


def kind_of(text: str, options: str, chosen: bool) -> Kind:
    """Return what the argument SPEC is.

    Args:
        text: the argument.
        options: names of the options that only a spec can have.
        chosen: whether one of them is given.

    Raises:
        click.UsageError: it is, and the argument is no spec.
    """
    from kpframework.run.look import is_section

    kind: Kind = "section" if is_section(text) else "folder" if Path(text).is_dir() else "spec"
    if kind != "spec" and chosen:
        raise click.UsageError(f"{options} are for a spec, not for a {kind}")
    return kind
