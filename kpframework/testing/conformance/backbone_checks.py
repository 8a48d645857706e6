"""What a backbone promises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpframework.testing.conformance.model import check, ensure
from kpframework.testing.conformance.subject import Subject
from kpframework.testing.conformance.watch import is_pickle


def work(subject: Subject) -> dict[str, Any]:
    """Find the model's folder."""
    backbone = subject.create()
    before = backbone.at_hand()
    folder = backbone.folder()
    return {
        "folder": Path(folder),
        "before": before,
        "after": backbone.at_hand(),
        "metadata": dict(backbone.metadata()),
    }


def _folder(subject: Subject) -> Path:
    folder: Path = subject.result()["folder"]
    return folder


@check("backbone")
def folder_holds_a_model(subject: Subject) -> None:
    """The folder holds config.json, and weights as safetensors."""
    folder = _folder(subject)
    ensure(folder.is_dir(), f"{folder} is no folder")
    ensure((folder / "config.json").is_file(), f"{folder} has no config.json")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    ensure("model_type" in config, "config.json does not say which model_type it is")
    ensure(any(folder.glob("*.safetensors")), f"{folder} has no weights as safetensors")


@check("backbone")
def folder_holds_no_pickle(subject: Subject) -> None:
    """Nothing in the folder is a pickle."""
    found = [
        path.name for path in _folder(subject).rglob("*") if path.is_file() and is_pickle(path)
    ]
    ensure(not found, f"{', '.join(found)} are pickles")


@check("backbone")
def tokenizer_is_fast(subject: Subject) -> None:
    """The tokenizer is a fast one: it tells offsets."""
    from kpframework.train.hosts import load_tokenizer

    tokenizer = load_tokenizer(_folder(subject))
    ensure(bool(getattr(tokenizer, "is_fast", False)), f"{type(tokenizer).__name__} is slow")


@check("backbone")
def at_hand_is_the_folder(subject: Subject) -> None:
    """Once it is there, `at_hand` returns the folder or None, and touches no network."""
    own = subject.result()
    for found in (own["before"], own["after"]):
        same = found is None or Path(found).resolve() == own["folder"].resolve()
        ensure(same, f"at_hand() is {found}, folder() is {own['folder']}")


@check("backbone")
def metadata_are_texts(subject: Subject) -> None:
    """Name, revision and licence are texts."""
    metadata = subject.result()["metadata"]
    texts = isinstance(metadata, Mapping) and all(isinstance(v, str) for v in metadata.values())
    ensure(texts, f"metadata() is {metadata}")
