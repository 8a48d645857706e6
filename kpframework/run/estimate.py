"""What a plan takes of network, disk and memory, as far as that is known without any work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

from kpframework.api.context import Context
from kpframework.errors import KpError
from kpframework.run.cache import Cache
from kpframework.run.plan import Plan
from kpframework.run.step import Step
from kpframework.spec.resolved import BoundComponent

_FP32 = 4
"""Bytes of a host's number: hosts are loaded in fp32, whatever their file holds."""
_VECTORS = "vectors.safetensors"


def estimate(plan: Plan, cache: Cache) -> dict[str, Any]:
    """Return what a plan takes, as JSON; what is not known without work is null.

    - ``downloads``: for each backbone ``bytes`` that are not on this machine yet.
    - ``hosts``: ``parameters`` of the model that each is made from and their ``bytes`` in memory;
      what an adaptation adds and what training needs beside them is not counted.
    - ``kbs``: for each store that is cached its ``entities``, ``triples`` and ``bytes`` on disk;
      for one that is not, the ``source_bytes`` of the files that are read.
    - ``tables``: ``rows``, ``dim`` and ``bytes`` of entity vectors, which are mapped, not held.
      ``measured`` is false where the options and the knowledge base's size tell them, at most so
      many.
    - ``peak``: the most that a cached training step needed, as it was measured:
      bytes of the ``process`` and of the ``accelerator``.
    """
    resolved = plan.resolved
    backbones = {
        _named(bound): bound
        for bound in resolved.components()
        if bound.registered.component.kind == "backbone"
    }
    missing = {name: bound.create(Context()).to_fetch() for name, bound in backbones.items()}
    own = _named(resolved.backbone)
    made = {step.name: entry for step in plan.steps if (entry := cache.open(step))}
    return {
        "downloads": [{"backbone": name, "bytes": size} for name, size in missing.items()],
        "hosts": [
            {"host": name, **_weights(_folder(resolved.backbone, missing[own]))}
            if host.section.checkpoint is None
            else {"host": name, **_weights(Path(host.section.checkpoint))}
            for name, host in resolved.hosts.items()
        ],
        "kbs": [_kb(step, made.get(step.name)) for step in plan.steps if step.kind == "kb"],
        "tables": [
            {"step": step.name, **_table(step, plan, made)}
            for step in plan.steps
            if step.kind == "embeddings"
        ],
        "peak": _peak(entry.manifest.metrics for entry in made.values()),
    }


def _named(bound: BoundComponent) -> str:
    """Return a component as people know it: ``hf bert-base-uncased``."""
    return " ".join([bound.type, *(v for v in bound.options().values() if isinstance(v, str))])


def _folder(backbone: BoundComponent, missing: int | None) -> Path | None:
    own = backbone.create(Context())
    with suppress(KpError):  # of a backbone that no step of the plan needs
        # Where nothing is missing, asking for the folder fetches nothing.
        return own.at_hand() or (own.folder() if missing == 0 else None)
    return None


def _weights(folder: Path | None) -> dict[str, int | None]:
    files = sorted(folder.glob("*.safetensors")) if folder is not None else []
    if not files:
        return {"parameters": None, "bytes": None}
    from safetensors import SafetensorError, safe_open

    numbers = 0
    try:
        for path in files:
            with safe_open(path, framework="numpy") as tensors:
                numbers += sum(prod(tensors.get_slice(key).get_shape()) for key in tensors.keys())  # noqa: SIM118
    except (SafetensorError, OSError):  # told by the step that loads it
        return {"parameters": None, "bytes": None}
    return {"parameters": numbers, "bytes": _FP32 * numbers}


def _kb(step: Step, entry: Any) -> dict[str, Any]:
    facts = {} if entry is None else entry.manifest.metrics
    return {
        "step": step.name,
        "entities": facts.get("entities"),
        "triples": facts.get("triples"),
        "bytes": None if entry is None else _size(entry.manifest.files),
        "source_bytes": sum(map(_bytes, step.files)),
    }


def _table(step: Step, plan: Plan, made: Mapping[str, Any]) -> dict[str, Any]:
    entry = made.get(step.name)
    if entry is not None:
        facts, (stored, _) = entry.manifest.metrics, entry.manifest.files.get(_VECTORS, (None, ""))
        shape = {"rows": facts.get("rows"), "dim": facts.get("dim")}
        return {**shape, "bytes": stored, "measured": True}
    if "table" in step.inputs:  # a control, of the same shape
        return _table(step.inputs["table"], plan, made) | {"measured": False}
    name = next((n for n, own in plan.knowledge.items() if own.get("embeddings") is step), None)
    kb = made.get(step.inputs["kb"].name) if "kb" in step.inputs else None
    rows: int | None = None if kb is None else kb.manifest.metrics.get("entities")
    dim: int | None = None
    size: int | None = None
    if name is not None:
        knowledge = plan.resolved.knowledge[name]
        dim = getattr(knowledge.embeddings.config, "dim", None)
        if rows is not None and dim is not None:
            size = rows * dim * (2 if knowledge.section.dtype == "float16" else _FP32)
    return {"rows": rows, "dim": dim, "bytes": size, "measured": False}


def _peak(facts: Iterable[Mapping[str, Any]]) -> dict[str, int | None]:
    found = [own["memory"] for own in facts if isinstance(own.get("memory"), Mapping)]
    return {
        kind: max((own[kind] for own in found if own.get(kind)), default=None)
        for kind in ("process", "accelerator")
    }


def _size(files: Mapping[str, tuple[int, str]]) -> int:
    return sum(size for size, _ in files.values())


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(own.stat().st_size for own in files if own.is_file())
