"""Steps that take a saved knowledge plugin apart, so that a row can be made ``from`` it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from kpframework.api.config import ComponentRef
from kpframework.errors import SpecError
from kpframework.inject.plug import MODULE_FILE
from kpframework.run.step import JSON, Step, StepContext
from kpframework.spec.checks import ARTIFACT_FILE
from kpframework.spec.resolve import bind_ref
from kpframework.spec.resolved import BoundComponent

Part = Literal["entities", "kb", "module"]
_KINDS = {"entities": "embeddings", "kb": "kb", "module": "train"}


def part(make: Callable[..., Step], folder: Path, name: Part, label: str) -> Step:
    """Return the step that takes one part out of an artifact, ``label`` in the plan."""
    source = folder / (MODULE_FILE if name == "module" else name)

    def action(context: StepContext) -> Mapping[str, JSON]:
        if source.is_file():
            shutil.copy2(source, context.output / source.name)
        else:
            shutil.copytree(source, context.output, dirs_exist_ok=True)
        return {}

    return make(f"{name}[{label}]", _KINDS[name], action, {"part": name}, files=[source])


def injector(folder: Path, registry: Any) -> BoundComponent:
    """Return the injector an artifact was trained with."""
    return bind_ref("injector", _section(folder, "injector"), registry)


def linker(folder: Path, registry: Any) -> BoundComponent:
    """Return the linker an artifact was trained with."""
    return bind_ref("linker", _section(folder, "linker"), registry)


def _section(folder: Path, name: str) -> ComponentRef:
    path = folder / ARTIFACT_FILE
    try:
        return ComponentRef.model_validate(json.loads(path.read_text("utf-8"))[name])
    except (OSError, ValueError, KeyError) as error:
        raise SpecError(
            "KP760", f"{path} is no knowledge plugin's configuration: {error}", where=str(path)
        ) from error
