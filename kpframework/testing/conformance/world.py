"""The tiny world that components are run in: files, a knowledge base, vectors, hosts."""

from __future__ import annotations

import copy
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from kpframework.api.context import Context
from kpframework.api.embeddings import EmbeddingTable
from kpframework.kb.store import KBStore, build_store
from kpframework.kb.table import EntityTable, write_table
from kpframework.testing.knowledge import TinyKB, tiny_vectors
from kpframework.testing.project import tiny_project, write_fewrel
from kpframework.testing.tiny import tiny_model, tiny_tokenizer
from kpframework.train.hosts import padded_by


class World:
    """A folder with a tiny project, which a plugin's samples are written into.

    Attributes:
        folder: holds ``backbone/``, ``kb/``, ``typing/``, ``relations/``, ``fewrel/``: see
            `kpframework.testing.project`.
    """

    def __init__(self) -> None:
        self._temporary = _temporary("kp-conformance-")
        self.root = Path(self._temporary.name).resolve()
        self.folder = self.root / "samples"
        self._scratches = 0
        shutil.copytree(_project(), self.folder)

    @property
    def scratch(self) -> Path:
        """The folder that holds every component's own."""
        return self.root / "scratch"

    def new_scratch(self) -> Path:
        """Return a new empty folder."""
        self._scratches += 1
        folder = self.scratch / str(self._scratches)
        folder.mkdir(parents=True)
        return folder


def _temporary(prefix: str) -> tempfile.TemporaryDirectory[str]:
    # What a failing component has started may still write into the folder while it is removed.
    return tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)


@cache
def _shared() -> tempfile.TemporaryDirectory[str]:
    return _temporary("kp-conformance-shared-")


@cache
def _project() -> Path:
    import kpframework.train.hosts  # noqa: F401  # keeps transformers quiet

    folder = Path(_shared().name) / "project"
    folder.mkdir()
    tiny_project(folder)
    write_fewrel(folder / "fewrel")
    return folder


@cache
def knowledge_base(without: tuple[str, ...] = ()) -> KBStore:
    """Return the stored `TinyKB`."""
    folder = Path(_shared().name) / f"kb{'-'.join(('', *without))}"
    return build_store(TinyKB(without), folder, "tiny", Context(scratch=folder / "scratch"))


@cache
def entity_table() -> EntityTable:
    """Return the stored vectors of `tiny_vectors`."""
    folder = Path(_shared().name) / "table"
    folder.mkdir()
    return write_table(folder, EmbeddingTable(*tiny_vectors()))


@cache
def tokenizer(architecture: str) -> Any:
    """Return an architecture's tokenizer."""
    return tiny_tokenizer(architecture)


@cache
def _model(architecture: str) -> Any:
    return tiny_model(architecture, len(tokenizer(architecture)), labels=2)


def fresh_model(architecture: str) -> Any:
    """Return a model of one's own, always with the same weights."""
    return padded_by(copy.deepcopy(_model(architecture)), tokenizer(architecture))
