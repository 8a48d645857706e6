"""Reading ``kp_config.json``, and what must be as it says before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpframework.api.config import ComponentRef
from kpframework.artifact.digests import file_digests, sealed
from kpframework.digest import content_digest, file_digest
from kpframework.errors import KpError, PluginError
from kpframework.spec.checks import ARTIFACT_FILE

FORMAT = 2
"""What is written: 1 had no checksums but those of the vectors."""
READ = (1, 2)
_SECTIONS = ("name", "injector", "linker", "entities", "host")
_AGAIN = "fetch or copy the folder again, whole; its README.md alone may be edited"


def read_config(folder: Path) -> dict[str, Any]:
    """Return the configuration of an artifact.

    Raises:
        KpError: KP770, the folder is no knowledge plugin, or of a format this version cannot read;
            KP777, the configuration was changed after it was saved.
    """
    path = folder / ARTIFACT_FILE
    try:
        config = json.loads(path.read_text("utf-8"))
        found = config["kp_format"]
        lacking = [part for part in _SECTIONS if part not in config]
        if found == FORMAT:
            lacking += [part for part in ("kb", "files", "sha256") if part not in config]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KpError(
            "KP770",
            f"{folder} is no knowledge plugin: {error}",
            f"give the folder that holds {ARTIFACT_FILE}, or a repository of the hub",
        ) from error
    if found not in READ:
        raise KpError(
            "KP770",
            f"{path} has format {found}; this version reads {' and '.join(map(str, READ))}",
            "pip install --upgrade kpframework",
        )
    if lacking:
        raise KpError("KP770", f"{path} is damaged: it lacks {', '.join(lacking)}", _AGAIN)
    if found == FORMAT and sealed(config)["sha256"] != config["sha256"]:
        raise KpError("KP777", f"{path} is not the file that was saved", _AGAIN)
    return dict(config)


def component_of(folder: Path, config: Mapping[str, Any], kind: str) -> ComponentRef:
    """Return the section of the ``injector`` or the ``linker`` that an artifact was trained with.

    Raises:
        KpError: KP770, it is none.
    """
    try:
        return ComponentRef.model_validate(config[kind])
    except ValueError as error:
        raise KpError("KP770", f"{folder / ARTIFACT_FILE} is damaged: {error}", _AGAIN) from error


def check_files(folder: Path, config: Mapping[str, Any], once: bool = False) -> None:
    """Compare every file with the checksum the configuration has of it.

    Args:
        folder: the artifact.
        config: its configuration.
        once: do not hash a file again that did not change since it was hashed.

    Raises:
        KpError: KP777, a file is missing, was added to the knowledge base or the vectors, or
            differs from the one that was saved.
    """
    recorded = config.get("files")
    if recorded is None:  # format 1
        return
    found = file_digests(folder, content_digest if once else file_digest)
    if found == recorded:
        return
    wrong = [f"{name} is missing" for name in sorted(recorded.keys() - found.keys())]
    wrong += [f"{name} is new" for name in sorted(found.keys() - recorded.keys())]
    both = sorted(found.keys() & recorded.keys())
    wrong += [f"{name} has changed" for name in both if found[name] != recorded[name]]
    raise KpError(
        "KP777", f"{folder} is not the knowledge plugin that was saved: {', '.join(wrong)}", _AGAIN
    )


def check_plugins(config: Mapping[str, Any], registry: Any) -> None:
    """Check that the distributions whose components the artifact is made of are installed.

    Raises:
        PluginError: KP779, some are not.
    """
    there = {record.distribution for record in registry.plugins}
    lacking: dict[str, tuple[str, list[str]]] = {}
    for own in config.get("plugins", ()):
        if own["distribution"] not in there:
            components = lacking.setdefault(own["distribution"], (own["version"], []))[1]
            components.append(own["component"])
    if lacking:
        said = [
            f"{name} {version} ({', '.join(offers)})"
            for name, (version, offers) in sorted(lacking.items())
        ]
        pins = " ".join(f"'{name}=={version}'" for name, (version, _) in sorted(lacking.items()))
        raise PluginError(
            "KP779",
            f"{config['name']!r} needs plugins that are not installed: {', '.join(said)}",
            f"pip install {pins}",
        )
