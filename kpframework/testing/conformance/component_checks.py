"""What every component promises, whatever its kind."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from kpframework.api.config import ComponentRef
from kpframework.errors import KpError
from kpframework.plugins.importing import describe
from kpframework.testing.conformance.equality import equal
from kpframework.testing.conformance.model import Blocked, check, ensure, fail
from kpframework.testing.conformance.subject import Subject
from kpframework.testing.conformance.watch import stray

UNKNOWN = "no_such_option"


@check("component")
def is_described(subject: Subject) -> None:
    """A summary of one line, and a description of every option."""
    summary = subject.registered.component.summary
    ensure(bool(summary.strip()) and "\n" not in summary, "its summary is not one line of text")
    for model in models(subject.config_class):
        for name, field in model.model_fields.items():
            own = bool(field.description and field.description.strip())
            ensure(own, f"option {name!r} of {model.__name__} has no description")


@check("component")
def code_loads(subject: Subject) -> None:
    """The class and the model of its options can be imported."""
    _ = subject.target, subject.config_class


@check("component")
def options_are_valid(subject: Subject) -> None:
    """The sample's options are accepted as a spec's are."""
    try:
        _ = subject.bound
    except KpError as error:
        if subject.sample.options:
            raise
        fail(
            f"it cannot be built without options ({error.problems[0].message}): return some for "
            f"'{subject.kind}/{subject.registered.name}' from the hook kp_samples, or give "
            "samples= to conformance.tests"
        )


@check("component")
def options_forbid_what_is_unknown(subject: Subject) -> None:
    """An option it does not have is refused, in nested sections too."""
    config = _config(subject)
    ensure(_refused(subject, {**_dump(config), UNKNOWN: 1}), f"the option {UNKNOWN!r} is accepted")
    for model in models(subject.config_class):
        extra = model.model_config.get("extra")
        ensure(extra == "forbid", f"{model.__name__} has extra={extra!r}: derive ComponentConfig")


@check("component")
def options_are_strict(subject: Subject) -> None:
    """A number is not taken from text, nor NaN or infinity for a number."""
    options = _dump(_config(subject))
    for name, value in options.items():
        if isinstance(value, (bool, int, float)) and not _takes_text(subject, name):
            wrong = {**options, name: str(value)}
            ensure(_refused(subject, wrong), f"option {name!r} takes the text {str(value)!r}")
    for model in models(subject.config_class):
        own = model.model_config
        loose = not own.get("strict") or own.get("allow_inf_nan", True)
        ensure(not loose, f"{model.__name__} is not strict: derive ComponentConfig")


@check("component")
def options_round_trip(subject: Subject) -> None:
    """Options written out with every default and read again are the same."""
    config = _config(subject)
    options = _dump(config, every=True)
    try:
        again = _validated(subject, options)
    except ValidationError as error:
        fail(f"its own options, written out, are refused: {describe(error)}")
    ensure(equal(_dump(again, every=True), options), "read again, they are other options")


@check("component")
def works(subject: Subject) -> None:
    """With the sample's options it does its work on the tiny knowledge base and hosts."""
    try:
        _ = subject.bound
    except KpError as error:
        raise Blocked("its options are refused") from error
    raised = subject.trial().error
    if raised is not None:
        raise raised


@check("component", when=lambda s: s.kind != "tracker")
def is_deterministic(subject: Subject) -> None:
    """The same seed gives the same result, whatever the global generators' states."""
    first = subject.result()
    second = subject.trial(1)
    if second.error is not None:
        fail(f"it works once, and not again: {describe(second.error)}")
    ensure(equal(first, second.result), "two runs of one seed differ")


@check("component", when=lambda s: not s.declares.get("network"))
def uses_no_network(subject: Subject) -> None:
    """No connection is tried; a component that needs one declares ``{"network": True}``."""
    seen = subject.trial().seen.network
    ensure(not seen, "; ".join(dict.fromkeys(seen)))


@check("component")
def leaves_global_state(subject: Subject) -> None:
    """Global generators, environment and torch's settings are as they were."""
    subject.result()
    # The first time, libraries are imported, which may set what they like.
    moved = subject.trial(1).seen.moved
    ensure(not moved, f"it changes {', '.join(moved)}")


@check("component")
def uses_no_pickle(subject: Subject) -> None:
    """Nothing is read from a pickle or written as one."""
    subject.result()
    seen = subject.trial().seen
    ensure(not seen.pickles, "; ".join(dict.fromkeys(seen.pickles)))


@check("component")
def writes_into_its_scratch_alone(subject: Subject) -> None:
    """Its input files are not written, and nothing outside of the scratch folder is."""
    subject.result()
    world = subject.world
    found = stray(subject.trial(1).seen, world.folder, world.scratch)
    ensure(not found, f"it writes {', '.join(found)}")


def models(root: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a model of options and the models nested in it, each once; no component sections."""
    seen: set[type[BaseModel]] = set()
    waiting: list[Any] = [root]
    while waiting:
        own = waiting.pop(0)
        if isinstance(own, type) and issubclass(own, BaseModel):
            if own in seen or issubclass(own, ComponentRef):
                continue
            seen.add(own)
            yield own
            waiting += [field.annotation for field in own.model_fields.values()]
        else:
            waiting += typing.get_args(own)


def _config(subject: Subject) -> BaseModel:
    try:
        return subject.bound.config
    except KpError as error:
        raise Blocked("its options are refused") from error


def _dump(config: BaseModel, every: bool = False) -> dict[str, Any]:
    """Return the options as JSON: those that were given, or every one."""
    text = config.model_dump_json(by_alias=True, exclude_unset=not every)
    found: dict[str, Any] = json.loads(text)
    return found


def _takes_text(subject: Subject, name: str) -> bool:
    for field_name, field in subject.config_class.model_fields.items():
        if name in (field_name, field.alias):
            return str in (field.annotation, *typing.get_args(field.annotation))
    return False


def _validated(subject: Subject, options: dict[str, Any]) -> BaseModel:
    context = {"base": str(subject.world.folder)}
    return subject.config_class.model_validate_json(json.dumps(options), context=context)


def _refused(subject: Subject, options: dict[str, Any]) -> bool:
    try:
        _validated(subject, options)
    except ValidationError:
        return True
    return False
