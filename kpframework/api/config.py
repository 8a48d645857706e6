"""Options of a component: a pydantic model, from which errors, schema and documentation come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from kpframework.api.model_facts import Misfit


class ComponentConfig(BaseModel):
    """Base of every component's options: unknown keys, loose types, NaN and infinity are refused.

    Every field has a ``Field(description=…)`` that says its unit and effect. Those descriptions are
    the only copy: the command line, the JSON Schema and the documentation read them.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    def misfits(self, model: Mapping[str, Any]) -> Iterable[Misfit]:
        """Return what in these options an otherwise good model cannot serve.

        Asked of injectors and adaptations before anything runs, for each model of the spec that is
        on this machine; ``kpframework validate`` shows the answers at the user's own place.

        Args:
            model: the content of the model's ``config.json``.

        Returns:
            For each an option (dotted where it is nested), what is wrong, and the fix.
        """
        return ()

    def untrained(self) -> str:
        """Return what an injector would use as it was drawn, and what these options then need.

        Asked where a row starts from no other by ``init``; unless empty, `kpframework validate`
        refuses the row with this sentence.
        """
        return ""


class ComponentRef(BaseModel):
    """A nested component section, ``{"type": …, plus that component's own options}``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(
        description="Registered name of the component, short or qualified by its plugin."
    )

    @property
    def options(self) -> dict[str, Any]:
        """Everything but ``type``, as the user wrote it."""
        return dict(self.model_extra or {})


@dataclass(frozen=True)
class Ref:
    """Marks a field as a nested component: ``mapper: Annotated[ComponentRef, Ref("mapper")]``."""

    kind: str


@dataclass(frozen=True)
class SectionId:
    """Marks a field as the id of a section: ``corpus: Annotated[str, SectionId("corpora")]``."""

    section: Literal["knowledge", "corpora", "tasks", "hosts", "injections"]


@dataclass(frozen=True)
class PathKind:
    """Marks a field as a path the component reads; its content enters the key of the step."""

    what: Literal["file", "folder", "file or folder"]
    whole: bool = True
    """Whether all that a folder holds enters the key."""


@dataclass(frozen=True)
class OnlyTest:
    """Marks an option of a task that concerns its test examples alone.

    Hosts and rows are trained once for all tasks that differ in nothing else, such as one setting
    of few-shot episodes from another.
    """


def _existing(what: Literal["file", "folder", "file or folder"]) -> AfterValidator:
    def check(value: str, info: ValidationInfo) -> str:
        base = Path((info.context or {}).get("base", "."))
        path = Path(value).expanduser()
        path = path if path.is_absolute() else base / path
        try:
            found = ("file" in what and path.is_file()) or ("folder" in what and path.is_dir())
        except OSError:  # a name the file system refuses, such as one that is too long
            found = False
        if not found:
            raise PydanticCustomError(
                "kp_missing_path", "no {what} at {path}", {"what": what, "path": str(path)}
            )
        return str(path.resolve())

    return AfterValidator(check)


InputFile = Annotated[str, _existing("file"), PathKind("file")]
"""A file the component reads: relative to the spec, must exist, resolved to an absolute path."""
InputFolder = Annotated[str, _existing("folder"), PathKind("folder")]
"""A folder the component reads: relative to the spec, must exist, resolved to an absolute path."""
InputPath = Annotated[str, _existing("file or folder"), PathKind("file or folder")]
"""A file or folder the component reads: as `InputFile` and `InputFolder`."""
DataFolder = Annotated[str, _existing("folder"), PathKind("folder", whole=False)]
"""As `InputFolder`, but only what the component's ``files()`` returns of it enters the key."""

GroupField = Annotated[
    str | None,
    OnlyTest(),
    Field(
        min_length=1,
        description="A field of the records, such as 'entity' or 'document': test examples with "
        "one value are drawn together when intervals are estimated, because they are not "
        "independent. null draws each alone.",
    ),
]
"""The option of a task that names its examples' groups: see `record_group`."""

IdSpace = Annotated[
    str | None,
    Field(
        min_length=1,
        description="Id space of the given entity ids, such as UMLS, where it is not the knowledge "
        "base's own; they are looked up as 'SPACE:id', those that name their space as they are.",
    ),
]
"""The option of a linker whose ids are another id space's: see `id_in_space`."""


class TrainConfig(ComponentConfig):
    """Options of a training loop. A component's own training options derive from it."""

    epochs: int = Field(3, ge=1, description="Passes over the training data.")
    batch_size: int = Field(32, ge=1, description="Examples a step.")
    lr: float = Field(1e-3, gt=0, description="Peak learning rate of AdamW.")
    warmup: float = Field(0.1, ge=0, lt=1, description="Share of the steps with linear warm-up.")
    decay: bool = Field(True, description="Whether the rate falls linearly to 0 after the warm-up.")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's decoupled weight decay.")
    max_grad_norm: float = Field(
        1.0, ge=0, description="Gradient norm clipped to; 0 does not clip."
    )
    select: Literal["best-dev", "last"] = Field(
        "best-dev",
        description="Which epoch is kept: the best on dev (first of equals), or the last.",
    )
