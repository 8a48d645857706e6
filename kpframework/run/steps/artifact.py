"""Steps that take a saved knowledge plugin apart, so that a row can be made ``from`` it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from kpframework.artifact.config import (
    check_files,
    check_plugins,
    component_of,
    read_config,
)
from kpframework.inject.plug import MODULE_FILE
from kpframework.run.step import JSON, Step, StepContext
from kpframework.spec.resolve import bind_ref
from kpframework.spec.resolved import BoundComponent

Part = Literal["entities", "kb", "module"]
_KINDS = {"entities": "embeddings", "kb": "kb", "module": "train"}


def part(make: Callable[..., Step], folder: Path, name: Part, label: str) -> Step:
    """Return the step that takes one part out of an artifact, ``label`` in the plan.

    Raises:
        KpError: KP770, KP777, the folder is no knowledge plugin, or not as it was saved.
    """
    source = folder / (MODULE_FILE if name == "module" else name)
    trained = read_config(folder).get("parameters") if name == "module" else None
    facts = {} if trained is None else {"parameters": trained}

    def action(context: StepContext) -> Mapping[str, JSON]:
        if source.is_file():
            shutil.copy2(source, context.output / source.name)
        else:
            shutil.copytree(source, context.output, dirs_exist_ok=True)
        return facts

    return make(f"{name}[{label}]", _KINDS[name], action, {"part": name, **facts}, files=[source])


def bound(folder: Path, kind: Literal["injector", "linker"], registry: Any) -> BoundComponent:
    """Return the injector or the linker an artifact was trained with.

    Raises:
        KpError: KP770, KP777, KP779: the folder is no knowledge plugin, not as it was saved, or
            made of plugins that are not installed.
    """
    config = read_config(folder)
    check_files(folder, config, once=True)
    check_plugins(config, registry)
    return bind_ref(kind, component_of(folder, config, kind), registry)
