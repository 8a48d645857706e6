"""Every hook, command, option, key, error code and public name stands in the reference."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from kpframework import hookspecs
from kpframework.cli.root import cli
from kpframework.component import KINDS
from kpframework.error_codes import ERROR_CODES
from kpframework.plugins import RegisteredComponent, load, option_rows
from kpframework.spec import models

from .conftest import ROOT

REFERENCE = ROOT / "docs/reference"
SOURCES = ("kpframework", "plugins_builtin/*/src", "contrib/*/src")
CODE = re.compile(r"KP[1-8]\d\d")


def section(page: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    match = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#+ |\Z)", text, re.M | re.S)
    assert match, f"{page} has no heading {heading!r}"
    return match[1]


def test_every_hook_is_there_with_its_arguments() -> None:
    hooks = {name: f for name, f in vars(hookspecs).items() if name.startswith("kp_")}
    assert len(hooks) > 5
    for name, function in hooks.items():
        signature = section("hooks.md", name).partition("```python\n")[2].partition("```")[0]
        (shown,) = ast.parse(signature).body
        assert isinstance(shown, ast.FunctionDef)
        assert [a.arg for a in shown.args.args] == list(inspect.signature(function).parameters)
        assert inspect.getdoc(function)


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, f"{path} {name}")


def test_every_command_is_there_with_its_options_those_of_plugins_too() -> None:
    found = dict(commands(cli, "kpframework"))
    assert {"kpframework kb audit", "kpframework serve"} <= found.keys()
    for path, command in found.items():
        text = section("cli.md", path)
        assert (command.help or "").split("\n")[0].strip() in " ".join(text.split())
        for parameter in command.params:
            names = parameter.opts if isinstance(parameter, click.Option) else []
            for name in names:
                assert re.search(rf"(?<![\w-]){name}(?![\w-])", text), f"{path} {name}"
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{path} {names} is not described"


def built_in() -> list[RegisteredComponent]:
    own = {p.parent.name for p in ROOT.glob("plugins_builtin/*/pyproject.toml")}
    return [c for c in load().components() if c.distribution in own]


def test_every_component_is_there_with_its_options() -> None:
    registry, found = load(), built_in()
    assert {c.kind for c in found} >= set(KINDS) - {"tracker"}
    for component in found:
        text = section("components.md", f"{component.kind}/{component.name}")
        assert component.component.summary in text
        for row in option_rows(registry.load_config(component)):
            assert f"| `{row.name}` |" in text, f"{component.title}: {row.name}"
            assert row.description, f"{component.title}: {row.name} is not described"


SECTIONS = [
    model
    for model in vars(models).values()
    if isinstance(model, type)
    and issubclass(model, BaseModel)
    and model.__module__ == models.__name__
]


@pytest.mark.parametrize("model", SECTIONS, ids=lambda model: model.__name__)
def test_every_key_of_a_spec_is_there(model: type[BaseModel]) -> None:
    text = (REFERENCE / "spec.md").read_text(encoding="utf-8")
    for name, field in model.model_fields.items():
        description = " ".join((field.description or "").split()).replace("|", "\\|")
        assert description, f"{model.__name__}.{name} is not described"
        row = rf"^\| `{re.escape(field.alias or name)}` \|.*{re.escape(description)} \|$"
        assert re.search(row, text, re.M), f"{model.__name__}.{name}"


def codes_in_the_code() -> dict[str, list[str]]:
    """Return every error code that stands in the code as a string, with the files it is in."""
    found = defaultdict(list)
    for pattern in SOURCES:
        for folder in ROOT.glob(pattern):
            for path in folder.rglob("*.py"):
                if path != ROOT / "kpframework/error_codes.py":
                    for code in codes(path):
                        found[code].append(str(path.relative_to(ROOT)))
    return found


def codes(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    strings = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return {string for string in strings if CODE.fullmatch(string)}


def test_every_error_code_in_the_code_is_listed_and_the_reverse() -> None:
    used = codes_in_the_code()
    assert {code: used[code] for code in used.keys() - ERROR_CODES.keys()} == {}
    assert ERROR_CODES.keys() - used.keys() == set()


def test_every_error_code_is_in_the_reference() -> None:
    text = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    assert len(ERROR_CODES) > 100
    for code, meaning in ERROR_CODES.items():
        assert f"| `{code}` | {meaning} |" in text


@pytest.mark.parametrize(
    ("package", "page"), [("kpframework", "python.md"), ("kpframework.api", "python-api.md")]
)
def test_every_public_name_is_there_and_is_described(package: str, page: str) -> None:
    names = [n for n in importlib.import_module(package).__all__ if not n.startswith("_")]
    assert len(names) > 5
    for name in names:
        text = section(page, name)
        assert "```python" in text
        described = re.sub(r"```.*?```", "", text, flags=re.S).strip()
        assert described, f"{package}.{name} has no docstring"
