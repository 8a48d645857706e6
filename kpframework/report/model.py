"""The content of ``results.json``: what a run leaves and every report is made from.

Metrics are unrounded and in [0, 1]; seconds are seconds; times are ISO 8601. Parts that a run may
not have are not required, and null stands for "not a number".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NotRequired, cast

# pydantic refuses typing.TypedDict before Python 3.12.
from typing_extensions import TypedDict

from kpframework.errors import SpecError

RESULTS_FILE = "results.json"


class Estimate(TypedDict):
    """A metric, or a difference of metrics, with its interval."""

    mean: float | None
    interval: NotRequired[list[float | None] | None]
    per_seed: NotRequired[list[float | None]]
    excludes_zero: NotRequired[bool]
    """Only of a difference."""


class Difference(TypedDict):
    """A row less the baseline, over the same examples and seeds."""

    baseline: str
    metrics: dict[str, Estimate]


class Subset(TypedDict):
    """Scores on the test examples that share a coverage (from the most covered on), or a class."""

    name: str
    count: int
    metrics: dict[str, Estimate]
    difference: NotRequired[Difference | None]


class Coverage(TypedDict):
    """How many mentions of the test split reach the host as a vector."""

    mentions: int
    linked: int
    with_vector: int


class TrainingData(TypedDict):
    """What one training was given, as `kpframework.train.tally` defines it."""

    of: Literal["passages", "examples"]
    read: int
    without_entity: int
    passed_over: int
    items: int
    too_long: int
    kept: int


class KnowledgeKept(TypedDict):
    """What truncation left of the positions that an injector asked for: text, slots and marks."""

    inputs: int
    """Inputs that it asked for any in."""
    inputs_left_without: int
    wanted: int
    kept: int


class Truncation(TypedDict):
    """What ``max_length`` took of the test's inputs, the first seed's."""

    inputs: int
    cut: int
    """Inputs that lost some of their text."""
    cut_without_knowledge: int
    """Inputs that lose some of it on the host alone."""
    displaced_tokens: int
    """Tokens of the user's text that stand in the inputs on the host alone, and not in these."""
    knowledge: KnowledgeKept


class Fingerprint(TypedDict):
    """The host's parameters, hashed before and after the injection was trained."""

    seed: int
    before: str
    after: str
    unchanged: bool


class Curve(TypedDict):
    """One line of a training plot."""

    seed: int
    name: str
    x: list[float]
    y: list[float | None]


class Memory(TypedDict):
    """The most memory a row's training needed, in bytes; `kpframework.run.memory` defines both."""

    process: int | None
    """Resident in the process: the interpreter, the libraries and all that was loaded count."""
    accelerator: NotRequired[int | None]
    """Allocated on the accelerator; None where nothing was."""


class Method(TypedDict):
    """The injector and the plugin it came from."""

    type: str
    distribution: NotRequired[str | None]
    version: NotRequired[str | None]
    reference: NotRequired[str | None]


class Space(TypedDict):
    """Where the test's entities lie, of the first seed: planar points in [-1, 1]."""

    classes: list[str]
    """The most frequent answers."""
    of: list[int]
    """For each entity its answer among `classes`, -1 for another."""
    before: list[list[float]]
    """In the space of the entity vectors, one point an entity."""
    after: list[list[float]]
    """In the host's input space, on one plane with `words`."""
    words: list[list[float]]
    agreement: dict[str, float | None]
    """Share of entities whose nearest other has the same answer ``before`` and ``after``, and by
    ``chance``."""


class Row(TypedDict):
    """One injection on one host and one task, over all seeds."""

    injection: str
    host: str
    task: str
    status: Literal["ok", "failed", "skipped"]
    error: NotRequired[str | None]
    method: NotRequired[Method]
    knowledge: NotRequired[str | None]
    control: NotRequired[str | None]
    control_of: NotRequired[str | None]
    """Id of the row that this control repeats with other vectors."""
    trains_host: NotRequired[bool]
    plug_and_play: NotRequired[bool]
    kb_update: NotRequired[str | None]
    metrics: NotRequired[dict[str, Estimate]]
    difference: NotRequired[Difference | None]
    dev: NotRequired[list[dict[str, Any]]]
    """For each seed its metrics on dev, with what is chosen there: for choosing among rows."""
    subsets: NotRequired[list[Subset]]
    classes: NotRequired[list[Subset]]
    """Scores on the test examples of each class, such as a relation; the largest first."""
    coverage: NotRequired[Coverage | None]
    truncation: NotRequired[Truncation | None]
    space: NotRequired[Space | None]
    trained_on: NotRequired[list[TrainingData]]
    """Of each training of the row, in order, the first seed's."""
    parameters: NotRequired[int | None]
    memory: NotRequired[Memory | None]
    input_overhead: NotRequired[float | None]
    """Positions that knowledge adds to an input, less the user's tokens they stand in the place of;
    the mean over inputs."""
    seconds: NotRequired[dict[str, float | None]]
    ms_per_example: NotRequired[float | None]
    fingerprint: NotRequired[list[Fingerprint]]
    calibration: NotRequired[list[dict[str, Any]]]
    curves: NotRequired[list[Curve]]


class TaskInfo(TypedDict):
    """A column: the first metric is the one that is compared."""

    id: str
    type: str
    metrics: list[str]
    labels: NotRequired[int | None]
    counts: NotRequired[dict[str, int]]


class Excluded(TypedDict):
    """Triples left out of a knowledge base because they join a task's instances."""

    match: str
    task: str
    excluded: NotRequired[int]
    """Triples left out; absent if the exclusion failed."""
    instances: NotRequired[int]
    """Instances that were looked at."""
    checked: NotRequired[int]
    """Instances of which the knowledge base knows what is compared; absent in older records."""
    leaking_instances: NotRequired[int]
    """Instances for which a triple was left out."""
    test_instances: NotRequired[int]
    """Test instances among them; absent if those of other splits alone were looked at."""
    leaking_test_instances: NotRequired[int]
    """Test instances for which a triple was left out."""


class Leaks(TypedDict):
    """What the triples of a knowledge base, after `exclude`, tell of a task's test instances."""

    task: str
    instances: NotRequired[int]
    """Test instances; absent, as the others, if they were not counted."""
    checked: NotRequired[int]
    """Of which the data give the ids of two ends that the knowledge base has."""
    joined: NotRequired[int]
    """Of which a triple joins the two."""
    error: NotRequired[str]
    """Why they were not counted."""


class KnowledgeInfo(TypedDict):
    """A knowledge base, its embeddings and its linker."""

    id: str
    kb: dict[str, Any]
    excluded: NotRequired[Excluded | None]
    leaks: NotRequired[list[Leaks]]
    embeddings: NotRequired[dict[str, Any]]
    linker: NotRequired[dict[str, Any]]


class MentionShown(TypedDict):
    """A linked mention of an example."""

    start: int
    end: int
    entity: str
    name: NotRequired[str | None]
    role: NotRequired[str | None]
    state: NotRequired[Literal["reached", "no vector", "cut off", "unused"]]
    """Whether the host was shown it, as `kpframework.run.steps.reached` tells them apart."""


class TextShown(TypedDict):
    """A further text of an example."""

    text: str
    mentions: list[MentionShown]


# The key "with" is a keyword, so it cannot be written in a class body.
_Answer = TypedDict("_Answer", {"with": str})


class ExampleShown(_Answer):
    """A test example whose answer the injection changed."""

    task: str
    injection: str
    text: str
    gold: str
    without: str
    outcome: Literal["helped", "harmed", "changed"]
    host: NotRequired[str]
    seed: NotRequired[int]
    id: NotRequired[str]
    mentions: NotRequired[list[MentionShown]]
    more: NotRequired[list[TextShown]]
    """The example's texts after the first, such as the supports of a query."""


class Timing(TypedDict):
    """One step of the plan; a reused one has the seconds it took when it was made."""

    step: str
    seconds: float
    reused: NotRequired[bool]


class MadeElsewhere(TypedDict):
    """Reused steps that were made in other surroundings than the run's."""

    differs: dict[str, list[Any]] | None
    """Then and now, by name; None where the steps' own surroundings were not written down."""
    steps: list[str]


class PluginSection(TypedDict):
    """What a plugin adds to the page, as text."""

    plugin: NotRequired[str]
    title: str
    text: NotRequired[str]
    rows: NotRequired[list[list[Any]]]


class Results(TypedDict):
    """The whole of ``results.json``."""

    name: str
    seeds: list[int]
    tasks: list[TaskInfo]
    rows: list[Row]
    description: NotRequired[str]
    created: NotRequired[str]
    version: NotRequired[str]
    resamples: NotRequired[int]
    confidence: NotRequired[float]
    backbone: NotRequired[dict[str, Any]]
    knowledge: NotRequired[list[KnowledgeInfo]]
    examples: NotRequired[list[ExampleShown]]
    timing: NotRequired[list[Timing]]
    environment: NotRequired[dict[str, Any]]
    made_elsewhere: NotRequired[list[MadeElsewhere]]
    lock: NotRequired[dict[str, Any]]
    sections: NotRequired[list[PluginSection]]
    plugins: NotRequired[dict[str, str]]
    """Folder of each saved knowledge plugin, by row, host, task and seed."""


def load_results(folder: Path) -> Results:
    """Read and check the results of a run folder.

    Raises:
        SpecError: KP801, no results there; KP802, what is there is not a run's results.
    """
    return load_results_file(folder / RESULTS_FILE)


def load_results_file(path: Path) -> Results:
    """Read and check a file of results, whatever its name.

    Raises:
        SpecError: KP801, it cannot be read; KP802, it is not a run's results.
    """
    try:
        data = json.loads(path.read_bytes(), parse_constant=_refuse)
    except OSError as error:
        raise SpecError(
            "KP801",
            f"no {path.name} can be read in {path.parent}: {error.strerror or error}",
            "give the folder that 'kpframework run' named at its end",
        ) from error
    except (ValueError, RecursionError) as error:
        raise _not_results(path, str(error)) from error
    return check_results(data, path)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def check_results(data: Any, path: Path) -> Results:
    """Return ``data`` unchanged if it has the shape of `Results`.

    Raises:
        SpecError: KP802, with the place inside the file.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(Results).validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _not_results(path, f"at {place or 'the top'}: {first['msg']}") from error
    return cast("Results", data)


def _not_results(path: Path, reason: str) -> SpecError:
    return SpecError(
        "KP802",
        f"{path} is not the results of a run: {reason}",
        "run the spec again: steps that are done are reused",
        where=str(path),
    )


def primary_metric(task: Mapping[str, Any]) -> str:
    """Return the name of the metric a task is compared by."""
    return str(task["metrics"][0]) if task["metrics"] else ""
