"""A component with one sample: what checks are made on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import Any, TypeVar

from kpframework.api.config import ComponentConfig
from kpframework.api.context import Context
from kpframework.errors import KpError
from kpframework.plugins.records import RegisteredComponent
from kpframework.plugins.registry import Registry
from kpframework.spec.binding import Binder
from kpframework.spec.findings import Findings
from kpframework.spec.resolved import BoundComponent
from kpframework.spec.tree import Place, node_of
from kpframework.testing.conformance.model import Blocked
from kpframework.testing.conformance.watch import Observations, watching
from kpframework.testing.conformance.world import World
from kpframework.testing.samples import Sample

T = TypeVar("T")


class Subject:
    """A component, the sample it is built with, and what was made of it so far.

    Args:
        registered: the component.
        sample: options and expectations.
        world: holds the sample's files.
        registry: finds nested components.
        number: of the sample, where the component has several; else None.
    """

    def __init__(
        self,
        registered: RegisteredComponent,
        sample: Sample,
        world: World,
        registry: Registry,
        number: int | None = None,
    ) -> None:
        self.registered = registered
        self.sample = sample
        self.world = world
        self.registry = registry
        suffix = "" if number is None else f"[{number}]"
        self.label = f"{registered.kind}/{registered.name}{suffix}"
        self._memo: dict[str, Any] = {}

    @property
    def kind(self) -> str:
        """Kind of the component."""
        return self.registered.kind

    @property
    def declares(self) -> dict[str, Any]:
        """What the component declares of itself."""
        return dict(self.registered.component.capabilities)

    @cached_property
    def target(self) -> type[Any]:
        """The component's class."""
        return self.registry.load_target(self.registered)

    @cached_property
    def config_class(self) -> type[ComponentConfig]:
        """The model of its options."""
        return self.registry.load_config(self.registered)

    @cached_property
    def bound(self) -> BoundComponent:
        """The component bound to the sample's options.

        Raises:
            KpError: the options are wrong.
        """
        return self.bind(dict(self.sample.options))

    def bind(self, options: dict[str, Any]) -> BoundComponent:
        """Return the component bound to some options, as a spec's section is.

        Raises:
            KpError: they are wrong.
        """
        place = Place(f"the sample of {self.label}", 0, 0, self.world.folder)
        node = node_of({"type": self.registered.qualified, **options}, place)
        findings = Findings(node)
        bound = Binder(self.registry, findings).component(self.kind, (), node)
        findings.raise_any()
        assert bound is not None  # else something was found
        return bound

    def create(self, seed: int = 0, **context: Any) -> Any:
        """Return a new instance.

        Raises:
            Blocked: the sample's options are wrong, which `options_are_valid` tells.
        """
        try:
            bound = self.bound
        except KpError as error:
            raise Blocked("its options are refused") from error
        return bound.create(Context(seed=seed, scratch=self.world.new_scratch(), **context))

    def memo(self, key: str, make: Callable[[], T]) -> T:
        """Return what ``make`` returned the first time; raise again what it raised."""
        if key not in self._memo:
            try:
                self._memo[key] = (make(), None)
            except Exception as error:
                self._memo[key] = (None, error)
        value, raised = self._memo[key]
        if raised is not None:
            raise raised
        return value  # type: ignore[no-any-return]

    def trial(self, number: int = 0) -> Trial:
        """Return how the component's whole work went, done once for each number."""
        return self.memo(f"trial {number}", lambda: Trial(self, number))

    def result(self) -> Any:
        """Return what the work gave.

        Raises:
            Blocked: it failed, which `works` tells.
        """
        trial = self.trial()
        if trial.error is not None:
            raise Blocked("it does not work") from trial.error
        return trial.result


class Trial:
    """One run of a component's work under observation.

    Global generators stand elsewhere in each, so that what depends on them shows.
    """

    def __init__(self, subject: Subject, number: int) -> None:
        work = import_module(f"kpframework.testing.conformance.{subject.kind}_checks").work
        self.result: Any = None
        self.error: Exception | None = None
        self.seen = Observations()
        with displaced(number):
            try:
                _ = subject.target, subject.bound  # what importing does is not the work's
            except Exception as error:
                self.error = error
                return
            with watching() as seen:
                try:
                    self.result = work(subject)
                except Exception as error:
                    self.error = error
        self.seen = seen


class displaced:
    """Sets the global generators to states of one's own, and puts them back."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> None:
        """Displace them."""
        import random

        import numpy as np
        import torch

        self._before = random.getstate(), np.random.get_state(), torch.get_rng_state()
        random.seed(1000 + self.number)
        np.random.seed(1000 + self.number)
        torch.manual_seed(1000 + self.number)

    def __exit__(self, *_: object) -> None:
        """Put them back."""
        import random

        import numpy as np
        import torch

        random.setstate(self._before[0])
        np.random.set_state(self._before[1])
        torch.set_rng_state(self._before[2])
