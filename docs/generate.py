"""Writes docs/reference and docs/gallery.md from the code: ``python docs/generate.py [--check]``.

With ``--check`` nothing is written; the exit code is 1 if a page is not up to date.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

import click
from generators import gallery, python_api
from generators.packages import options_of, packages
from pydantic import BaseModel

from kpframework import hookspecs
from kpframework.cli.root import COMMANDS, cli
from kpframework.component import KINDS, Component
from kpframework.error_codes import ERROR_CODES
from kpframework.plugins import OptionRow, option_rows
from kpframework.spec import models

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
NOTE = "<!-- Written by docs/generate.py: change the code, then run it. -->\n"
WIDTH = 88

SECTIONS: dict[str, type[BaseModel]] = {
    "knowledge": models.KnowledgeSection,
    "knowledge.exclude": models.Exclusion,
    "corpora": models.CorpusSection,
    "tasks": models.TaskSection,
    "hosts": models.HostSection,
    "injections": models.InjectionSection,
    "lm_head": models.LMHeadSection,
    "compare": models.CompareSection,
    "run": models.RunSection,
}
NAMES = {model.__name__: title for title, model in SECTIONS.items()}

SPEC_HEAD = """\
# The spec

One spec is one table: `injections` are its rows, `tasks` its columns, `hosts` and `seeds` repeat
it. It is JSON, YAML or TOML, by the file's suffix. Unknown keys, wrong types, NaN and YAML tags,
anchors and duplicate keys are errors with file, line and column; `kpframework validate` shows them
all at once.

- A component is a table, `{"type": "gazetteer", "casing": "keep"}`, or its bare name,
  `"gazetteer"`. The options are the component's own: [components](components.md), or `kpframework
  plugins show`. A name that two plugins offer is written `plugin/name`.
- Paths are relative to the file they stand in.
- `"extends": "base.json"`, or a list of files, lays this spec on others: tables merge key by key,
  lists of sections by `id` (new ids come last), everything else is replaced. A section whose
  `type` changes keeps none of the other type's options.
- `--set injections.map.mapper.hidden=512` changes one value; sections of a list are named by `id`.
- `kpframework validate SPEC --fill` prints the spec with every default written out.
- `kpframework schema` prints a JSON Schema with the installed plugins; name it in `$schema`.
"""
COMPONENTS_HEAD = """\
# Components of the built-in packages

What `kpframework plugins show KIND/NAME` prints of the packages under `plugins_builtin/`. An
option named `outer.inner` is a key of a nested table.
"""
HOOKS_HEAD = """\
# Hooks

A plugin's module implements them with `kpframework.hookimpl`; [write a
plugin](../how-to/write-a-plugin.md) shows how. `kp_components` is the only one that every plugin
needs.
"""
ERRORS_HEAD = """\
# Error codes

An error says where, what, and how to fix it. Its code is stable, its text is not. Codes from
`KP900` on are free for plugins that are developed elsewhere.
"""
PYTHON_HEAD = """\
# Python: kpframework

What one's own code imports. [Use a knowledge plugin in your own
model](../how-to/use-a-plugin-in-your-model.md) shows it at work.
"""
API_HEAD = """\
# Python: kpframework.api

What the author of a component implements and uses. Import from `kpframework.api`, nothing
deeper: `from kpframework.api import KBProvider`. [Write a plugin](../how-to/write-a-plugin.md)
shows it at work.
"""
TESTING = (
    "conformance",
    "samples",
    "pytest_plugin",
    "project",
    "tiny",
    "knowledge",
    "injectors",
    "corpus",
    "distributions",
)
TESTING_HEAD = """\
# Python: kpframework.testing

The shipped kit for the tests of a plugin. [Test your plugin](../how-to/test-your-plugin.md) shows
it at work.
"""
CLI_HEAD = """\
# The command line

Results go to stdout, and as JSON with `--json`; progress and errors go to stderr. `NO_COLOR` is
respected, and there is no progress bar off a terminal.

| exit code | meaning |
|---|---|
| 0 | ok |
| 1 | the run failed |
| 2 | usage, or an error in the spec |
| 3 | a plugin that is needed is missing, broken, incompatible or in conflict |
| 4 | the environment or the data differ from the lock |
| 130 | interrupted |

| variable | meaning |
|---|---|
| `KPFRAMEWORK_CACHE` | folder of finished steps; without it `~/.cache/kpframework` |
| `KPFRAMEWORK_CONFIG` | folder of the settings, such as which plugins are disabled |
| `KPFRAMEWORK_PLUGINS` | the plugins that may be used, with commas; empty: none, as `--safe-mode` |
"""


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with ``--check`` say which are not up to date."""
    stale = [
        path
        for path, text in pages()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not up to date: run python docs/generate.py")
        return int(bool(stale))
    texts = dict(pages())
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def pages() -> Iterator[tuple[Path, str]]:
    """Yield every generated page with its text."""
    makers: dict[str, Callable[[], str]] = {
        "reference/spec": spec_page,
        "reference/components": components_page,
        "reference/hooks": hooks_page,
        "reference/errors": errors_page,
        "reference/cli": cli_page,
        "reference/python": python_page,
        "reference/python-api": api_page,
        "reference/python-testing": testing_page,
        "gallery": gallery.page,
    }
    for name, make in makers.items():
        yield DOCS / f"{name}.md", NOTE + make().rstrip() + "\n"


def spec_page() -> str:
    """Return every section of a spec with its keys."""
    parts = [SPEC_HEAD, "## The whole", _paragraph(models.Spec), _spec_table(models.Spec)]
    for title, model in SECTIONS.items():
        parts += [f"## {title}", _paragraph(model), _spec_table(model)]
    return "\n\n".join(part.strip() for part in parts)


def _spec_table(model: type[BaseModel]) -> str:
    rows = [row for row in option_rows(model) if "." not in row.name]
    fields = {(field.alias or name): field for name, field in model.model_fields.items()}
    return _table(rows, lambda row: _section(fields[row.name].annotation) or row.type)


def _section(annotation: Any) -> str:
    """Return a link to the section that an annotation holds, or nothing."""
    for found in (annotation, *get_args(annotation)):
        title = NAMES.get(getattr(found, "__name__", ""))
        if title is not None:
            many = "list of " if found is not annotation and list in _origin(annotation) else ""
            return f"{many}[{title}](#{title.replace('.', '')})"
    return ""


def _origin(annotation: Any) -> tuple[Any, ...]:
    return (getattr(annotation, "__origin__", None),)


def components_page() -> str:
    """Return every component of the built-in packages with its options."""
    own = [package for package in packages() if package.is_built_in]
    found = [(component, package.name) for package in own for component in package.components()]
    parts = [COMPONENTS_HEAD]
    for kind in KINDS:
        group = sorted((c.name, c, name) for c, name in found if c.kind == kind)
        if group:
            parts.append(f"## {kind}")
            parts += [_component(component, name) for _, component, name in group]
    return "\n\n".join(part.strip() for part in parts)


def _component(component: Component, distribution: str) -> str:
    model = options_of(component)
    parts = [f"### {component.kind}/{component.name}", component.summary, f"`{distribution}`"]
    if component.reference:
        parts[-1] += f"; {component.reference}"
    rows = option_rows(model)
    parts.append(_table(rows) if rows else "No options.")
    for name, choices in _choices(model):
        for choice in choices:
            parts += [f"`{name}`: {_paragraph(choice)}", _table(option_rows(choice, f"{name}."))]
    return "\n\n".join(parts)


def _choices(model: type[BaseModel]) -> Iterator[tuple[str, list[type[BaseModel]]]]:
    """Yield the keys that hold one of several tables."""
    for name, field in model.model_fields.items():
        tables = [a for a in get_args(field.annotation) if isinstance(a, type)]
        tables = [a for a in tables if issubclass(a, BaseModel)]
        if len(tables) > 1:
            yield name, tables


def hooks_page() -> str:
    """Return every hook with its signature."""
    parts = [HOOKS_HEAD]
    for name, function in vars(hookspecs).items():
        if name.startswith("kp_"):
            signature = f"def {name}{inspect.signature(function)}".replace("'", "")
            text = inspect.getdoc(function) or ""
            parts += [f"## {name}", f"```python\n{signature}: ...\n```", _prose(text)]
    return "\n\n".join(part.strip() for part in parts)


def errors_page() -> str:
    """Return every error code with what it means."""
    lines = ["| code | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {_cell(text)} |" for code, text in sorted(ERROR_CODES.items())]
    return ERRORS_HEAD + "\n" + "\n".join(lines)


def cli_page() -> str:
    """Return the help of every command, those that packages of this repository add included."""
    parts = [CLI_HEAD, *_help(cli, "kpframework", commands_of_plugins=False)]
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        parts += _help(command, f"kpframework {name}")
    for package in packages():
        for name, command in package.commands().items():
            heading, *rest = _help(command, f"kpframework {name}")
            parts += [heading, f"Comes with `pip install {package.name}`.", *rest]
    return "\n\n".join(part.strip() for part in parts)


def python_page() -> str:
    """Return what ``kpframework`` exports."""
    entries = [python_api.entry(public, "##") for public in python_api.exported("kpframework")]
    return "\n\n".join([PYTHON_HEAD.strip(), *entries])


def api_page() -> str:
    """Return what ``kpframework.api`` exports, in the order of the modules that define it."""
    parts = [API_HEAD.strip()]
    exported = python_api.exported("kpframework.api")
    for module, group in groupby(sorted(exported, key=_home), key=_home):
        parts += [f"## {module.rpartition('.')[2]}", python_api.summary(module)]
        parts += [python_api.entry(public) for public in group]
    return "\n\n".join(parts)


def _home(public: python_api.Public) -> str:
    """Return the module below ``kpframework.api`` that a name is listed under."""
    return ".".join(public.module.split(".")[:3])


def testing_page() -> str:
    """Return the modules of ``kpframework.testing`` that the tests of a plugin import."""
    parts = [TESTING_HEAD.strip()]
    for name in TESTING:
        module = f"kpframework.testing.{name}"
        parts += [f"## {module}", python_api.summary(module)]
        parts += [python_api.entry(public) for public in python_api.defined(module)]
    return "\n\n".join(part for part in parts if part)


def _help(command: click.Command, path: str, commands_of_plugins: bool = True) -> Iterator[str]:
    context = click.Context(
        command, info_name=path, terminal_width=WIDTH, **command.context_settings
    )
    context.help_option_names = ["-h", "--help"]
    yield f"## {path}"
    text = command.get_help(context).rstrip()
    if not commands_of_plugins:  # they differ by what is installed
        text = text.partition("\n\nCommands of plugins:")[0]
    yield f"```text\n{text}\n```"
    if isinstance(command, click.Group) and command is not cli:
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _help(inner, f"{path} {name}")


def _table(rows: Sequence[OptionRow], kind: Callable[[OptionRow], str] | None = None) -> str:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for row in rows:
        shown = kind(row) if kind else row.type
        default = "required" if row.required else f"`{row.default}`" if row.default else ""
        if shown.startswith(("[", "list of [")):
            default = default if row.default in {"null", "[]"} or row.required else ""
        cells = (f"`{row.name}`", shown, default, row.description)
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraph(model: type[BaseModel]) -> str:
    return _prose(inspect.getdoc(model) or "")


def _prose(text: str) -> str:
    return text.replace("``", "`")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
