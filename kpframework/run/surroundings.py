"""In what surroundings steps were made, and where they differ from today's."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kpframework.digest import canonical_json
from kpframework.plugins.requirements import built_on, required, versions
from kpframework.run.record import PACKAGES, accelerator, cpu

if TYPE_CHECKING:
    from kpframework.run.step import Step
    from kpframework.run.step_result import StepResult

Made = Mapping[str, Any]
"""What `surroundings` returned when a step was made; empty where no manifest tells it."""


_ON_DEVICE = {"embeddings", "host", "train", "evaluate"}
_LINKING = {"links", "corpus"}


def surroundings(step: Step, device: str) -> dict[str, Any]:
    """Return what may move a step's numbers though its key does not name it, as JSON.

    That is Python, the processor, the device if it computes there, and the versions of `PACKAGES`
    and of what the step's plugins require themselves.

    Args:
        step: its plugins are told by `BoundComponent.key_data` in its params.
        device: of the run; its index is left out, the accelerator's name tells what it is.
    """
    plugins = set(_values("distribution", step.params))
    plugins |= {other for name in plugins for other in built_on(name)}
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "cpu": cpu(),
        "packages": versions({*PACKAGES, *required(plugins)} - plugins),
    }
    if _on_device(step):
        found |= {"device": device.partition(":")[0], "accelerator": accelerator(device)}
    return found | ({"precision": step.params["precision"]} if "precision" in step.params else {})


def _on_device(step: Step) -> bool:
    """Return whether a step computes on the run's device; it may merely read, copy or shuffle."""
    if step.kind in _LINKING:  # with an encoder
        components = _values("component", step.params)
        return any(name.startswith("backbone:") for name in components)
    return step.kind in _ON_DEVICE and not {"part", "control"} & set(step.params)


def _values(name: str, params: Any) -> Iterator[str]:
    """Yield what a step's components say under a name."""
    if isinstance(params, Mapping):
        if isinstance(value := params.get(name), str):
            yield value
        params = list(params.values())
    if isinstance(params, list | tuple):
        for item in params:
            yield from _values(name, item)


def made_elsewhere(results: Iterable[StepResult], device: str) -> list[dict[str, Any]]:
    """Return the reused steps that were made in other surroundings than today's, by what differs.

    Returns:
        ``{"differs": {NAME: [then, now]}, "steps": [NAME]}`` for each way to differ; ``differs``
        is None for steps of which it was not written down.
    """
    groups: dict[str, dict[str, Any]] = {}
    for result in results:
        if result.status == "reused":
            now = surroundings(result.step, device)
            differs = _difference(result.made_in, now) if result.made_in else None
            if differs != {}:
                group = groups.setdefault(
                    canonical_json(differs), {"differs": differs, "steps": []}
                )
                group["steps"].append(result.step.name)
    return list(groups.values())


def _difference(then: Made, now: Made) -> dict[str, list[Any]]:
    before, after = ({**own, **own["packages"]} for own in (then, now))
    # What is not written down today is nothing to differ in.
    names = [name for name in (*now, *then["packages"], *now["packages"]) if name != "packages"]
    return {
        name: [before.get(name), after.get(name)]
        for name in dict.fromkeys(names)
        if before.get(name) != after.get(name)
    }


def packages_at_work(today: Mapping[str, str], made: Mapping[str, Made]) -> dict[str, Any]:
    """Return the versions of packages that made some steps, as parts of a lock.

    Args:
        today: versions of what is pinned, as it is installed.
        made: each finished step's surroundings.

    Returns:
        ``packages``: of each the version that made every step it has a part in, today's where
        steps differ; ``unpinned``: versions of those that differ, and, as ``steps``, the steps of
        which no version is known.
    """
    pinned, mixed = dict(today), {}
    for name in today:
        found = sorted(
            {own["packages"][name] for own in made.values() if name in own.get("packages", {})}
        )
        if len(found) == 1:
            pinned[name] = found[0]
        elif found:
            mixed[name] = found
    unknown = sorted(step for step, own in made.items() if not own)
    unpinned = {"packages": mixed, "steps": unknown}
    return {"packages": pinned, "unpinned": {key: own for key, own in unpinned.items() if own}}
