"""Linking one shard: what runs in a worker, whichever executor it belongs to."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from kpframework import owner
from kpframework.api.config import ComponentRef
from kpframework.api.context import Context
from kpframework.api.executor import Function, Work
from kpframework.api.kb import KnowledgeBase
from kpframework.api.linker import Linker
from kpframework.api.text import Mention, Segment
from kpframework.errors import KpError, Problem
from kpframework.kb.store import open_store
from kpframework.link.output import Format, size_and_digest, write_records
from kpframework.link.texts import Reading, Text, read_piece
from kpframework.spec.resolve import bind_ref
from kpframework.writing import sync

REPORT = "report.json"
BATCH = 256
"""Texts a linker is given at once."""
SHOWN_PROBLEMS = 20
"""Bad lines of a shard that are told; all are counted."""
_REMEMBERED = 100_000
"""Entities whose name and types a worker keeps."""


def link_work(
    linker: Mapping[str, Any],
    kb: Path,
    folder: Path,
    *,
    device: str,
    reading: Reading,
    format: Format,
    text: bool,
) -> Work:
    """Return the work of linking shards into folders below ``folder``.

    Args:
        linker: its section with every option, paths absolute.
        kb: folder of the stored knowledge base, which every worker opens itself.
        folder: gets a folder ``KEY`` for each shard, whole or not at all.
        device: for linkers that compute.
        reading: how lines become texts.
        format: of the shards' records.
        text: whether records hold their texts.
    """
    arguments = {
        "linker": dict(linker),
        "kb": str(kb),
        "folder": str(folder),
        "device": device,
        "reading": vars(reading),
        "format": format,
        "text": text,
    }
    return Work("kpframework.link.worker:open_worker", arguments)


def open_worker(arguments: Mapping[str, Any]) -> Function:
    """Open the knowledge base, prepare the linker, and return the function of a shard."""
    from kpframework.plugins import load

    ref = ComponentRef.model_validate(arguments["linker"])
    folder = Path(arguments["folder"])
    scratch = folder / f".scratch.{owner.tag()}"
    scratch.mkdir(parents=True)
    kb = open_store(Path(arguments["kb"]))
    linker = bind_ref("linker", ref, load()).create(
        Context(scratch=scratch, device=arguments["device"])
    )
    linker.prepare(kb)
    return _ShardLinker(linker, kb, folder, arguments)


def finished(folder: Path) -> dict[str, Any] | None:
    """Return the report of a shard that was linked; None if it was not, or is damaged."""
    try:
        report: dict[str, Any] = json.loads((folder / REPORT).read_text("utf-8"))
        name, size, sha256 = report["records"]
        return report if size_and_digest(folder / name) == (size, sha256) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


class _ShardLinker:
    def __init__(
        self, linker: Linker, kb: KnowledgeBase, folder: Path, arguments: Mapping[str, Any]
    ) -> None:
        self.linker = linker
        self.kb = kb
        self.folder = folder
        self.format: Format = arguments["format"]
        self.text: bool = arguments["text"]
        self.reading = Reading(**arguments["reading"])
        self._start = dict(linker.statistics())
        self._known: dict[str, tuple[str, list[str]]] = {}

    def __call__(self, shard: Mapping[str, Any]) -> dict[str, Any]:
        """Link a shard into its folder, unless it is there."""
        target = self.folder / shard["key"]
        if finished(target) is None:
            aside = self.folder / f".{shard['key']}.{owner.tag()}"
            aside.mkdir()
            try:
                self._fill(aside, shard)
                _publish(aside, target)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        return {"key": shard["key"]}

    def _fill(self, folder: Path, shard: Mapping[str, Any]) -> None:
        before = dict(self.linker.statistics())
        counts = _Counts()
        name = f"records.{self.format}"
        pieces = (read_piece(piece, self.reading) for piece in shard["pieces"])
        texts = counts.usable(chain.from_iterable(pieces))
        write_records(folder / name, self._records(texts, counts), self.format, self.text)
        after = self.linker.statistics()
        statistics = {
            key: [self._start.get(key, 0), value - before.get(key, 0)]
            for key, value in after.items()
        }
        report = counts.as_json() | {
            "statistics": statistics,
            "records": [name, *size_and_digest(folder / name)],
        }
        (folder / REPORT).write_text(json.dumps(report, allow_nan=False), "utf-8")
        for path in (folder / name, folder / REPORT, folder):
            sync(path)

    def _records(self, texts: Iterator[Text], counts: _Counts) -> Iterator[dict[str, Any]]:
        while batch := list(islice(texts, BATCH)):
            linked = self.linker.link([Segment(own.text, own.mentions) for own in batch])
            for own, mentions in zip(batch, linked, strict=True):
                counts.add(own, mentions)
                text = {"text": own.text} if self.text else {}
                shown = [self._shown(own, mention) for mention in mentions]
                yield {"id": own.id, **text, "mentions": shown}

    def _shown(self, text: Text, mention: Mention) -> dict[str, Any]:
        if mention.entity not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[mention.entity] = self._info(text, mention)
        name, types = self._known[mention.entity]
        return {
            "start": mention.start,
            "end": mention.end,
            "mention": text.text[mention.start : mention.end],
            "entity": mention.entity,
            "name": name,
            "score": float(mention.score),
            "types": types,
        }

    def _info(self, text: Text, mention: Mention) -> tuple[str, list[str]]:
        try:
            info = self.kb.info(mention.entity)
        except KeyError:
            raise KpError(
                "KP837",
                f"the linker returned the entity {mention.entity!r}, which the knowledge base "
                "does not have",
                "this is a defect of the linker: report it to its authors",
                where=text.id,
            ) from None
        return info.name, list(info.types)


class _Counts:
    """What the report says of a shard."""

    def __init__(self) -> None:
        self.blank = self.bad = self.texts = self.characters = 0
        self.linked = self.mentions = 0
        self.problems: list[list[str]] = []
        self.entities: Counter[str] = Counter()

    def usable(self, found: Iterator[Text | Problem | None]) -> Iterator[Text]:
        for item in found:
            if isinstance(item, Text):
                yield item
            elif item is None:
                self.blank += 1
            else:
                self.bad += 1
                if len(self.problems) < SHOWN_PROBLEMS:
                    self.problems.append([item.where, item.message])

    def add(self, text: Text, mentions: Sequence[Mention]) -> None:
        self.texts += 1
        self.characters += len(text.text)
        self.linked += bool(mentions)
        self.mentions += len(mentions)
        self.entities.update(mention.entity for mention in mentions)

    def as_json(self) -> dict[str, Any]:
        return vars(self) | {"entities": dict(sorted(self.entities.items()))}


def _publish(aside: Path, target: Path) -> None:
    """Rename a finished shard into place; where another was first, its folder is the same."""
    while True:
        try:
            aside.rename(target)
            sync(target.parent)
            return
        except OSError:
            if not target.exists():
                raise
            if finished(target) is not None:
                return
            # Damaged: out of the way, under a name that nobody else takes.
            broken = target.with_name(f".broken.{owner.tag()}")
            os.rename(target, broken)
            shutil.rmtree(broken, ignore_errors=True)
