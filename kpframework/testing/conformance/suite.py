"""All cases of a plugin: found by what it declares, run one by one, counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from kpframework.errors import KpError, PluginError
from kpframework.plugins.importing import describe
from kpframework.plugins.records import PluginRecord, RegisteredComponent
from kpframework.testing.conformance.model import Blocked, Check, Finding, Outcome, checks_of
from kpframework.testing.samples import Sample, as_samples

Given = Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]
"""``KIND/NAME`` -> options, a `Sample`, or a list of them; or a function that returns it, after it
has written files into the folder it is given."""


@dataclass(frozen=True)
class Case:
    """A check on one sample of one component."""

    id: str
    check: Check
    subject: Any
    expected: str = ""
    """Why it is known to fail; empty where it has to pass."""

    def run(self) -> Outcome:
        """Make the check; what the plugin raises is a failure, ``SystemExit`` included."""
        start = time.perf_counter()
        status, detail = "passed", ""
        try:
            self.check.function(self.subject)
        except Blocked as error:
            status, detail = "blocked", str(error)
        except Finding as finding:
            status, detail = "failed", str(finding)
        except KeyboardInterrupt:
            raise
        except KpError as error:
            status, detail = "failed", f"{error.code}: {error.problems[0].message}"
        except BaseException as error:
            status, detail = "failed", f"{describe(error)}{_place(error)}"
        if self.expected:
            found = status == "failed"
            status = "expected failure" if found else "unexpected pass"
            detail = self.expected if found else f"expected to fail: {self.expected}"
        seconds = time.perf_counter() - start
        promise = self.check.promise
        return Outcome(self.id, self.check.id, promise, status, detail, seconds)  # type: ignore[arg-type]


def _place(error: BaseException) -> str:
    """Return the file and line that raised, the last that is not the kit's or a library's."""
    place, trace = "", error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "kpframework/testing" not in name and "site-packages" not in name:
            place = f" ({Path(name).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return place


class Suite:
    """The cases of one installed plugin.

    Args:
        name: of the plugin or its distribution.
        samples: in the place of what its hook ``kp_samples`` returns.
        files: texts written into the samples' folder: relative path -> content.
        expected_failures: id of a check, or of a case -> reason.

    Raises:
        PluginError: no such plugin (KP205), or it offers nothing to check (KP212).
    """

    def __init__(
        self,
        name: str,
        samples: Given | None = None,
        files: Mapping[str, str] | None = None,
        expected_failures: Mapping[str, str] | None = None,
    ) -> None:
        from kpframework.plugins import load
        from kpframework.plugins.switching import select

        self.registry = load()
        self.records: list[PluginRecord] = select(self.registry.plugins, [name])
        self.name = self.records[0].name
        self._given, self._files = samples, dict(files or {})
        self._expected = dict(expected_failures or {})

    @cached_property
    def cases(self) -> list[Case]:
        """Every case, in the order of plugins, components, samples and checks.

        Raises:
            PluginError: there is none (KP212), or samples or expectations name what is not there
                (KP213).
        """
        found = [case for record in self.records for case in self._cases(record)]
        unknown = [
            own
            for own in self._expected
            if not any(own in (case.id, case.check.id) for case in found)
        ]
        if unknown:
            raise PluginError(
                "KP213",
                f"a failure is expected of {unknown[0]!r}, which is no check of {self.name}",
                f"take an id that is shown by: kpframework plugins check {self.name} --all",
            )
        if all(record.usable and not _offers(record) for record in self.records):
            raise PluginError(
                "KP212",
                f"{self.name} offers no component and no hook that could be checked",
                f"see what it declares: kpframework plugins show {self.name}",
            )
        return found

    def run(self, only: str = "") -> Iterator[Outcome]:
        """Run the cases, or those whose id holds ``only``, and yield how each went.

        Raises:
            PluginError: there is none (KP212).
        """
        chosen = [case for case in self.cases if only in case.id or only == case.check.id]
        if not chosen:
            raise PluginError(
                "KP212",
                f"no check of {self.name} has {only!r} in its id",
                f"list the ids: kpframework plugins check {self.name} --all",
            )
        for case in chosen:
            yield case.run()

    def _cases(self, record: PluginRecord) -> Iterator[Case]:
        from kpframework.testing.conformance.plugin_checks import PluginSubject

        plugin = PluginSubject(record)
        yield from self._of(plugin, checks_of("plugin"), plugin.label, {})
        if not record.usable:
            return
        own = [c for c in self.registry.components() if c.distribution == record.distribution]
        components = [c for c in own if c.plugin == record.name]
        samples = self._samples(record, components)
        for component in components:
            for subject in self._subjects(component, samples):
                checks = [*checks_of("component"), *checks_of(component.kind)]
                named = [
                    replace(c, id=f"{component.kind}::{c.id.partition('::')[2]}") for c in checks
                ]
                yield from self._of(subject, named, subject.label, subject.sample.expected_failures)

    def _of(
        self, subject: Any, checks: list[Check], label: str, expected: Mapping[str, str]
    ) -> Iterator[Case]:
        for own in checks:
            if not _applies(own, subject):
                continue
            name = f"{label}::{own.id.partition('::')[2]}"
            reasons = {**expected, **self._expected}
            yield Case(name, own, subject, reasons.get(name, reasons.get(own.id, "")))

    def _subjects(
        self, component: RegisteredComponent, samples: Mapping[str, list[Sample]]
    ) -> Iterator[Any]:
        from kpframework.testing.conformance.subject import Subject

        own = samples.get(f"{component.kind}/{component.name}") or [Sample()]
        for number, sample in enumerate(own):
            label = number if len(own) > 1 else None
            yield Subject(component, sample, self._world, self.registry, label)

    @cached_property
    def _world(self) -> Any:
        from kpframework.testing.conformance.world import World

        return World()

    def _samples(
        self, record: PluginRecord, components: list[RegisteredComponent]
    ) -> dict[str, list[Sample]]:
        folder = self._world.folder
        for name, text in self._files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        given = self._given
        if given is None:
            given = dict(_hooked(self.registry, record, folder))
        elif callable(given):
            given = given(folder)
        names = {f"{c.kind}/{c.name}" for c in components}
        for name in given:
            if name not in names:
                raise PluginError(
                    "KP213",
                    f"there are samples of {name!r}, but {record.name} offers {sorted(names)}",
                    "name a sample KIND/NAME, such as 'kb/csv'",
                )
        try:
            return {name: as_samples(own) for name, own in given.items()}
        except TypeError as error:
            raise PluginError("KP213", f"samples of {record.name}: {error}") from error


def _applies(own: Check, subject: Any) -> bool:
    """Whether a check is called for; one of a class that cannot be imported is, and fails."""
    with suppress(Exception):
        return own.applies(subject)
    return True


def _offers(record: PluginRecord) -> bool:
    """Whether a plugin has components, or hooks besides those that declare them."""
    return bool(record.components or set(record.hooks) - {"kp_components", "kp_samples"})


def _hooked(registry: Any, record: PluginRecord, folder: Path) -> Mapping[str, Any]:
    for _, result in registry.call("kp_samples", only=record.name, folder=folder):
        if isinstance(result, BaseException):
            raise PluginError(
                "KP213", f"kp_samples of {record.name} failed: {describe(result)}"
            ) from result
        return dict(result)
    return {}
