"""``kpframework schema``: the JSON Schema of a spec, installed plugins included."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("schema")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write to this file, not to stdout."
)
def command(output: Path | None) -> None:
    """Print the JSON Schema of a spec, with every installed component's options.

    Name the file in a spec's "$schema" and editors complete and check it.
    """
    import json

    from kpframework.cli.output import echo, emit_json
    from kpframework.errors import SpecError
    from kpframework.plugins import load
    from kpframework.spec import json_schema
    from kpframework.writing import replacing

    schema = json_schema(load())
    if output is None:
        emit_json(schema)
        return
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    try:
        with replacing(output) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"the schema cannot be written to {output}: {reason}"
        raise SpecError("KP120", message, "give a path in a folder that exists") from None
    echo(f"wrote {output}")
