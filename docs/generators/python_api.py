"""Pages of the public Python names, from signatures and docstrings; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from generators.docstrings import markdown

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 92
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Public:
    """A public name and the statement that defines it."""

    name: str
    module: str
    node: ast.stmt
    docstring: str
    """Of a constant: the string that stands below it."""


def exported(package: str) -> list[Public]:
    """Return what a package's ``__init__`` exports, where it is defined, in ``__all__``'s order."""
    return [_find(package, name) for name in _all(package) if not name.startswith("_")]


def defined(module: str) -> list[Public]:
    """Return the names a module defines itself, as they come; a constant if it is described."""
    found = []
    for node, docstring in _statements(_tree(module).body):
        name = _name(node)
        described = docstring or isinstance(node, ast.ClassDef | _Function)
        if name and described and not name.startswith("_"):
            found.append(Public(name, module, node, docstring))
    return found


def summary(module: str) -> str:
    """Return a module's docstring."""
    return markdown(ast.get_docstring(_tree(module)) or "")


def entry(public: Public, level: str = "###") -> str:
    """Return the heading, signature and text of a public name."""
    node = public.node
    parts = [f"{level} {public.name}"]
    if isinstance(node, ast.ClassDef):
        parts += _class(node, level, public.module)
    elif isinstance(node, _Function):
        parts += [_code(_signature(node)), markdown(ast.get_docstring(node) or "")]
    else:
        parts += [_code(_constant(node)), markdown(public.docstring)]
    return "\n\n".join(part for part in parts if part)


def _class(node: ast.ClassDef, level: str, module: str) -> Iterator[str]:
    bases = [ast.unparse(base) for base in node.bases]
    bases += [f"{k.arg}={ast.unparse(k.value)}" for k in node.keywords]
    decorators = [f"@{ast.unparse(d)}" for d in node.decorator_list]
    head = f"class {node.name}({', '.join(bases)}): ..." if bases else f"class {node.name}: ..."
    yield _code("\n".join([*decorators, head]))
    yield markdown(ast.get_docstring(node) or "")
    fields, methods = [], []
    for child, docstring in [*_statements(node.body), *_inherited(node, module)]:
        name = _name(child)
        if isinstance(child, _Function):
            if name == "__init__" and len(child.args.args) + len(child.args.kwonlyargs) > 1:
                methods.insert(0, child)
            elif name == "__call__" or not name.startswith("_"):
                if _is_property(child):
                    text = ast.get_docstring(child) or ""
                    fields.append((f"{name}: {_returned(child)}", text))
                else:
                    methods.append(child)
        elif name and not name.startswith("_") and name != "model_config":
            fields.append((_constant(child), docstring or _description(child)))
    if fields:
        yield "Attributes:"
        yield "\n".join(_bullet(code, text) for code, text in fields)
    for method in methods:
        yield f"{level}# `{node.name}.{method.name}`"
        yield _code(_signature(method))
        yield markdown(ast.get_docstring(method) or "")


def _inherited(node: ast.ClassDef, module: str) -> Iterator[tuple[ast.stmt, str]]:
    """Yield what a class takes from bases of the core that have no entry of their own."""
    own = {_name(child) for child in node.body}
    for base in node.bases:
        try:
            found = _find(module, ast.unparse(base))
        except KeyError:
            continue
        public = found.module.startswith(("kpframework.api.", "kpframework.testing."))
        if isinstance(found.node, ast.ClassDef) and not public:
            for child, docstring in _statements(found.node.body):
                if _name(child) not in own | {"__init__"}:
                    yield child, docstring


def _is_property(node: _Function) -> bool:
    return any(ast.unparse(d) in ("property", "cached_property") for d in node.decorator_list)


def _returned(node: _Function) -> str:
    return ast.unparse(node.returns) if node.returns else "Any"


def _description(node: ast.stmt) -> str:
    """Return what ``Field(description=…)`` says of a field."""
    for call in ast.walk(node):
        if isinstance(call, ast.keyword) and call.arg == "description":
            value = call.value
            return str(value.value) if isinstance(value, ast.Constant) else ""
    return ""


def _bullet(code: str, text: str) -> str:
    text = " ".join(markdown(text).split())
    return f"- `{' '.join(code.split())}`" + (f": {text}" if text else "")


def _signature(node: _Function) -> str:
    decorators = [f"@{ast.unparse(d)}" for d in node.decorator_list]
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    arguments = list(_arguments(node.args))
    back = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{word} {node.name}({', '.join(arguments)}){back}: ..."
    if len(line) > WIDTH:
        inner = "".join(f"    {argument},\n" for argument in arguments)
        if arguments and arguments[-1].startswith("**"):
            inner = inner.removesuffix(",\n") + "\n"
        line = f"{word} {node.name}(\n{inner}){back}: ..."
    return "\n".join([*decorators, line])


def _arguments(arguments: ast.arguments) -> Iterator[str]:
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    for number, (argument, default) in enumerate(zip(plain, defaults, strict=True), start=1):
        yield _argument(argument, default)
        if number == len(arguments.posonlyargs):
            yield "/"
    if arguments.vararg:
        yield f"*{_argument(arguments.vararg, None)}"
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _argument(argument, default)
    if arguments.kwarg:
        yield f"**{_argument(arguments.kwarg, None)}"


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    if default is None:
        return ast.unparse(argument)
    equals = " = " if argument.annotation else "="
    return f"{ast.unparse(argument)}{equals}{ast.unparse(default)}"


def _constant(node: ast.stmt) -> str:
    """Return an assignment, its value left out where it is long or a pydantic field."""
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]  # type: ignore[attr-defined]
    name = ast.unparse(target)
    kind = f": {ast.unparse(node.annotation)}" if isinstance(node, ast.AnnAssign) else ""
    value = node.value  # type: ignore[attr-defined]
    if value is None:
        return name + kind
    if isinstance(value, ast.Call) and ast.unparse(value.func) in ("Field", "field"):
        first = value.args[0] if value.args else None
        first = next((k.value for k in value.keywords if k.arg == "default"), first)
        return name + kind + (f" = {ast.unparse(first)}" if first else "")
    text = f"{name}{kind} = {ast.unparse(value)}"
    return text if len(text) <= 3 * WIDTH else f"{name}{kind} = ..."


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


@cache
def _tree(module: str) -> ast.Module:
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def _statements(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str]]:
    """Yield each statement with the string that stands below it, if one does."""
    for at, node in enumerate(body):
        after = body[at + 1] if at + 1 < len(body) else None
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        text = after.value.value if is_text else ""  # type: ignore[union-attr]
        yield node, text if isinstance(text, str) else ""


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.ClassDef | _Function):
        return node.name
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return ""


def _all(package: str) -> list[str]:
    """Return ``__all__`` of a package, a list of strings or the keys of a table."""
    values = {_name(node): getattr(node, "value", None) for node in _tree(package).body}
    value = values["__all__"]
    if isinstance(value, ast.Call):
        value = values[ast.unparse(value.args[0])]
        assert isinstance(value, ast.Dict)
        return [ast.literal_eval(key) for key in value.keys if key is not None]
    assert value is not None
    return list(ast.literal_eval(value))


def _find(module: str, name: str) -> Public:
    """Follow a name through re-exports to where it is defined."""
    body = _tree(module).body
    for node, docstring in _statements(body):
        if _name(node) == name:
            return Public(name, module, node, docstring)
    inner = [n for node in body if isinstance(node, ast.If) for n in node.body]
    for node in [*body, *inner]:
        is_own = isinstance(node, ast.ImportFrom) and str(node.module).startswith("kpframework")
        if isinstance(node, ast.ImportFrom) and node.module and is_own:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _find(node.module, alias.name)
    raise KeyError(f"{module} does not define {name}")
