"""What the trackers share: a tool gets parameters, figures, tags and files, in bounded time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import kpframework
from kp_plugin_trackers.bounded import Bounded
from kp_plugin_trackers.facts import Scalar, artifacts_of, result_scalars, step_scalars, tags_of
from kp_plugin_trackers.names import flat
from kpframework import KpError
from kpframework.api import Context, Tracker


class ToolTracker(Tracker):
    """Hands a run to a tool; what is handed over stands in `facts`.

    Raises:
        KpError: KP880, the tool is not installed; KP881, it does not answer in time.
    """

    tool: ClassVar[str]
    """Its extra in this distribution."""

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._bounded = Bounded(self.tool, config.timeout)
        self.folder = Path()
        """Of the run."""

    # What a tool does

    @abstractmethod
    def start(self, name: str, spec: Mapping[str, Any], params: Mapping[str, str]) -> None:
        """Begin a run, with the spec as it is and as flat parameters."""

    @abstractmethod
    def write(self, scalars: Sequence[Scalar]) -> None:
        """Write figures down."""

    @abstractmethod
    def close(
        self, status: str, tags: Mapping[str, str], files: Sequence[Path], scalars: Sequence[Scalar]
    ) -> None:
        """Write the last figures, tags and files, and end the run as finished, failed or killed."""

    # What a run tells

    def run_started(self, spec: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
        """Begin a run of the tool."""
        self.folder = Path(plan["folder"])
        self._bounded(lambda: self.start(str(plan["name"]), spec, flat(spec)))

    def step_done(self, step: Mapping[str, Any]) -> None:
        """Write a step's time and curves."""
        if step["status"] in ("made", "reused"):
            self._bounded(lambda: self.write(step_scalars(step)))

    def run_done(self, results: Mapping[str, Any], folder: Path) -> None:
        """Write metrics, tags and files, and end the tool's run."""
        self._end("finished", tags_of(results), artifacts_of(folder), result_scalars(results))

    def run_failed(self, reason: str) -> None:
        """End the tool's run as failed, with the reason as a tag."""
        status = "killed" if reason == "KeyboardInterrupt" else "failed"
        tags = {"kpframework.version": kpframework.__version__, "reason": reason[:1000]}
        self._end(status, tags, (), ())

    def _end(
        self, status: str, tags: Mapping[str, str], files: Sequence[Path], scalars: Sequence[Scalar]
    ) -> None:
        self._bounded(lambda: self.close(status, tags, files, scalars))
        self._bounded.close()


def imported(extra: str, *modules: str) -> Any:
    """Return the first of some modules that is installed.

    Raises:
        KpError: KP880, none is.
    """
    for module in modules:
        try:
            return import_module(module)
        except ModuleNotFoundError:
            continue
    raise KpError(
        "KP880",
        f"the tracker {extra!r} needs {modules[0].partition('.')[0]}, which is not installed",
        f"pip install 'kp-plugin-trackers[{extra}]'",
    )
