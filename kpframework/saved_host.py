"""The host that a run keeps, or any model folder, loaded to answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kpframework.api.config import ComponentRef
from kpframework.api.context import Context
from kpframework.errors import KpError

if TYPE_CHECKING:
    from kpframework.api.task import Task

HOST_FILE = "kp_host.json"
"""What a run writes into the folder of each host it keeps: how the host was made, and for what."""
FORMAT = 1
_CLASSIFIER = "sequence-classification"


@dataclass(frozen=True)
class SavedHost:
    """A frozen model with a head, ready for `kpframework.KnowledgePlugin.attach`."""

    folder: Path
    model: Any
    tokenizer: Any
    head: str
    """``sequence-classification``, ``masked-lm`` or ``causal-lm``."""
    labels: tuple[str, ...]
    """Names of a classifier's outputs, in order; empty for a language model."""
    task: Task | None
    """The task it was made for: it puts a text into the form the host expects
    (`kpframework.api.Task.segment`). None for a model from elsewhere."""
    task_problem: str
    """Why the recorded task cannot be used here, such as a file that is missing; else empty."""
    record: Mapping[str, Any]
    """The content of ``kp_host.json``; empty for a model from elsewhere."""

    @property
    def calibration(self) -> Mapping[str, float]:
        """What the run chose on dev for the host alone, such as a threshold, for `Task.decide`.

        Empty where no row of the run was the bare host.
        """
        return dict(self.record.get("calibration", {}))


def load_host(folder: str | Path, registry: Any = None) -> SavedHost:
    """Load a host of a run folder (``runs/NAME/hosts/…``), or any transformers model folder.

    Hosts by every adaptation load, adapters onto the backbone that the run names. A model from
    elsewhere is loaded with the head that its configuration names.

    Args:
        folder: safetensors only; nothing is downloaded unless the backbone's plugin does.
        registry: of installed components; the environment's own if None.

    Raises:
        KpError: KP731, it does not load; KP733, it has no head that answers; KP734, its record is
            damaged; KP2xx, a plugin it needs is missing.
    """
    from kpframework.api.randomness import own_generators
    from kpframework.inject.freezing import freeze
    from kpframework.train.hosts import is_causal, load_model, load_tokenizer, padded_by

    folder = Path(folder)
    record = _read(folder)
    task, problem = None, ""
    if record:
        if registry is None:
            from kpframework.plugins import load

            registry = load()
        labels = tuple(record["labels"])
        with own_generators():
            model = _adapted(folder, record, registry)
        task, problem = _task(record, labels, registry)
    else:
        with own_generators():
            model, missing = load_model(folder, _head(folder))
        if missing:
            raise KpError(
                "KP733",
                f"{folder} has no trained head: {', '.join(missing[:3])} would be random",
                "give a fine-tuned model, or the folder of a run's host",
            )
        names = getattr(model.config, "id2label", None) or {}
        labels = tuple(str(names[i]) for i in sorted(names))
    tokenizer = load_tokenizer(folder)
    padded_by(model, tokenizer)
    head = _CLASSIFIER
    if model.get_output_embeddings() is not None:
        head, labels = "causal-lm" if is_causal(model) else "masked-lm", ()
    return SavedHost(folder, freeze(model).eval(), tokenizer, head, labels, task, problem, record)


def host_record(
    host: str,
    task: Mapping[str, Any],
    head: str,
    labels: Path,
    adaptation: Mapping[str, Any],
    backbone: Mapping[str, Any],
    calibration: Mapping[str, float],
) -> dict[str, Any]:
    """Return the content of ``kp_host.json``.

    Args:
        host: id of the host in its spec.
        task: its section with all options, ``id`` included.
        head: that the task asks for.
        labels: the file in which the run's step keeps the labels.
        adaptation: its section with all options.
        backbone: likewise.
        calibration: what was chosen on dev for the host alone.
    """
    return {
        "kp_format": FORMAT,
        "id": host,
        "head": head,
        "labels": json.loads(labels.read_text("utf-8")),
        "task": dict(task),
        "adaptation": dict(adaptation),
        "backbone": dict(backbone),
        "calibration": dict(calibration),
    }


def _read(folder: Path) -> dict[str, Any]:
    path = folder / HOST_FILE
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text("utf-8"))
        if record["kp_format"] != FORMAT:
            raise ValueError(f"it has format {record['kp_format']}; this version reads {FORMAT}")
        lists = [record["labels"]]
        tables = [record[part] for part in ("task", "adaptation", "backbone")]
        good = all(isinstance(own, list) for own in lists)
        good &= all(isinstance(own, dict) and "type" in own for own in tables)
        if not good or not isinstance(record["head"], str):
            raise ValueError("a part of it is of the wrong type")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KpError(
            "KP734", f"{path} is damaged: {error}", "take the folder as the run wrote it"
        ) from error
    return dict(record)


def _adapted(folder: Path, record: Mapping[str, Any], registry: Any) -> Any:
    from kpframework.spec.resolve import bind_ref
    from kpframework.train.hosts import load_model

    context = Context()

    def load(own: Path | None) -> Any:
        if own is None:
            backbone = bind_ref("backbone", _ref(record["backbone"]), registry)
            own = backbone.create(context).folder()
        return load_model(own, record["head"], len(record["labels"]))[0]

    adaptation = bind_ref("host", _ref(record["adaptation"]), registry).create(context)
    return adaptation.load(folder, load)


def _task(
    record: Mapping[str, Any], labels: tuple[str, ...], registry: Any
) -> tuple[Task | None, str]:
    from kpframework.spec.resolve import bind_ref

    options = {name: value for name, value in record["task"].items() if name != "id"}
    try:
        task: Task = bind_ref("task", _ref(options), registry).create(Context(labels=labels))
        return task, ""
    except KpError as error:
        return None, "; ".join(problem.message for problem in error.problems)


def _ref(section: Mapping[str, Any]) -> ComponentRef:
    return ComponentRef.model_validate(section)


def _head(folder: Path) -> str:
    """Return the head that a model's configuration names."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        names = [str(name) for name in config.get("architectures") or ()]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise KpError("KP731", f"{folder} holds no model: {error}") from error
    for ending, head in (
        ("ForSequenceClassification", _CLASSIFIER),
        ("ForMaskedLM", "masked-lm"),
        ("ForCausalLM", "causal-lm"),
        ("LMHeadModel", "causal-lm"),
    ):
        if names and names[0].endswith(ending):
            return head
    raise KpError(
        "KP733",
        f"{folder} has no head that answers: its architecture is {', '.join(names) or 'not named'}",
        "give a classifier, a masked or a causal language model",
    )
