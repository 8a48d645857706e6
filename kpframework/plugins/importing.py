"""Importing a plugin's code so that its failures are errors a user can act on."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, TypeVar

from kpframework.errors import PluginError
from kpframework.plugins.records import RegisteredComponent

T = TypeVar("T")


def describe(error: BaseException) -> str:
    """Return ``Type: message`` of an exception in one line, with the place of a syntax error."""
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({error.code!r})"
    if isinstance(error, SyntaxError):
        place = f" ({error.filename}, line {error.lineno})"
        return f"{type(error).__name__}: {error.msg}{place}"
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def repair(error: BaseException, plugin: str, distribution: str) -> str:
    """Return the command that most likely helps against a plugin's failed import."""
    leave = f"kpframework plugins disable {plugin}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = error.name.partition(".")[0]
        wanted = _with_extra(distribution, missing)
        return f"pip install --force-reinstall '{wanted}' (brings {missing!r}), or: {leave}"
    return f"pip install --upgrade {distribution}, or: {leave}"


def _with_extra(distribution: str, module: str) -> str:
    """Return the distribution, with the extra that requires the module if one does."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        lines = requires(distribution) or []
    except PackageNotFoundError:
        return distribution
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra\s*==\s*['\"]([\w.-]+)['\"]", line)
        if name and extra and _plain(name[0]) == _plain(module):
            return f"{distribution}[{extra[1]}]"
    return distribution


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def import_class(
    registered: RegisteredComponent, target: str, base: type[T] | None = None
) -> type[Any]:
    """Import ``module:Class`` of a component.

    Raises:
        PluginError: the import fails, there is no such class, or it has not the base (KP206).
    """
    module, _, name = target.partition(":")
    try:
        found = getattr(import_module(module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            "KP206",
            f"the code of {registered.title} cannot be loaded: {describe(error)}",
            repair(error, registered.plugin, registered.distribution),
        ) from error
    if not isinstance(found, type) or (base is not None and not issubclass(found, base)):
        wanted = "class" if base is None else f"subclass of {base.__name__}"
        raise PluginError(
            "KP206",
            f"{target!r} of {registered.title} is not a {wanted}",
            f"report it to the authors of {registered.distribution}, "
            f"or: pip install --upgrade {registered.distribution}",
        )
    return found
