"""What a run writes down of its surroundings, and how."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from kpframework.errors import KpError
from kpframework.plugins.requirements import built_on, closure, pinned, required, versions
from kpframework.spec.resolved import BoundComponent
from kpframework.writing import replacing

PACKAGES = (
    "kpframework",
    "torch",
    "transformers",
    "tokenizers",
    "accelerate",
    "safetensors",
    "numpy",
    "pyarrow",
)
"""Distributions of the core whose versions may change a result."""


def package_versions(components: Iterable[BoundComponent] = ()) -> dict[str, str]:
    """Return the versions of `PACKAGES` and of what the components' plugins require themselves."""
    plugins = _plugins(components)
    return versions({*PACKAGES, *required(plugins)} - plugins)


def installed_versions(components: Iterable[BoundComponent] = ()) -> dict[str, str]:
    """Return the versions of all that the core and the components' plugins require, at any depth.

    Which they are depends on the system and on the releases of what requires them.
    """
    plugins = _plugins(components)
    found = closure([*PACKAGES, *plugins])
    return {name: own for name, own in found.items() if name not in plugins}


def _plugins(components: Iterable[BoundComponent]) -> set[str]:
    """Return the distributions that provide components, and those they build on."""
    used = {c.registered.distribution for c in components}
    return {*used, *(other for name in used for other in built_on(name))}


def plugin_versions(components: Iterable[BoundComponent]) -> dict[str, str]:
    """Return what pins the distributions that provide the components, and those they build on."""
    used = {c.registered.distribution: c.registered.version for c in components}
    others = {other: "" for name in used for other in built_on(name)}
    return {name: pinned(name, own) for name, own in sorted({**others, **used}.items())}


def environment(components: Iterable[BoundComponent], device: str) -> dict[str, Any]:
    """Return Python, machine, threads and versions; nothing that names a person or a place.

    Args:
        components: those whose plugins count.
        device: of the run, and the accelerator is its.
    """
    components = list(components)
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "threads": _threads(),
        "device": device,
        "accelerator": accelerator(device),
        "packages": installed_versions(components),
        "plugins": plugin_versions(components),
    }


def write_json_atomic(path: Path, value: Any) -> None:
    """Write JSON so that a reader, or a crash, never finds half of it.

    Raises:
        KpError: ``KP503``, the file cannot be written.
        ValueError: a number is not finite.
        TypeError: something is not JSON.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomic(path, text.encode())


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, never finds half of it.

    Raises:
        KpError: ``KP503``, the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=True) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise KpError(
            "KP503",
            f"cannot write {path}: {error.strerror or error}",
            "free some space, or choose another folder",
        ) from error


@cache
def cpu() -> str:
    """Return the processor's model."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _threads() -> int | None:
    """Return torch's number of threads, or None where nothing has loaded torch."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch is not None else None


def accelerator(device: str) -> str | None:
    """Return a device's accelerator, or None where there is none, or nothing has loaded torch."""
    torch = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda") or not torch.cuda.is_available():
        return None
    return str(torch.cuda.get_device_name(device))
