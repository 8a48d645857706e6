"""A small corpus with a knowledge base, and a linker that can be told to die.

For tests of executors and of linking a corpus::

    def test_a_shard_whose_worker_died_is_done_again(tmp_path, monkeypatch):
        corpus = tiny_corpus(tmp_path)
        monkeypatch.syspath_prepend(corpus.site)
        corpus.kill_workers(times=3)
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kpframework.api.context import Context
from kpframework.api.kb import Entity, KBProvider, Triple
from kpframework.kb.store import build_store
from kpframework.testing.distributions import fake_distribution

NAMES = ("arachnodactyly", "Marfan syndrome", "aorta", "lens", "ectopia lentis", "fibrillin")
"""Names of the entities that are strewn into the texts."""
_WORDS = ("the", "patient", "has", "long", "fingers", "and", "déjà", "vu", "𝛽", "of")

_DECLARATION = """\
from kpframework import Component, hookimpl


@hookimpl
def kp_components():
    return [
        Component(
            kind="linker",
            name="mortal",
            target="kp_plugin_mortal.linker:MortalLinker",
            config="kp_plugin_mortal.config:MortalConfig",
            summary="Finds names; dies or sleeps when it is told to.",
        )
    ]
"""
_CONFIG = '''\
from pydantic import Field

from kpframework.api import ComponentConfig


class MortalConfig(ComponentConfig):
    """Options of the linker."""

    orders: str = Field(description="Folder with the orders.")
'''
_LINKER = '''\
import os
import signal
import time
from pathlib import Path

from kpframework.api import Linker, Mention


class MortalLinker(Linker):
    """Each batch obeys one order first, which is then gone."""

    def prepare(self, kb):
        self.names = sorted(set((name, entity) for name, entity, _ in kb.names()))
        self.texts = self.batches = 0

    def link(self, segments):
        orders = Path(self.config.orders)
        for order in sorted(orders.glob("die-*")):
            try:
                order.unlink()
            except FileNotFoundError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        self.batches += 1
        if (orders / "sleep").exists() and self.batches > int((orders / "sleep").read_text()):
            (orders / f"asleep-{os.getpid()}").touch()
            time.sleep(60)
        self.texts += len(segments)
        return [self.find(segment.text) for segment in segments]

    def find(self, text):
        found = []
        for name, entity in self.names:
            start = text.find(name)
            if start >= 0:
                found.append(Mention(start, start + len(name), entity, 0.5))
        return sorted(found, key=lambda mention: mention.start)

    def statistics(self):
        return {"names": len(self.names), "texts": self.texts}
'''


@dataclass(frozen=True)
class Corpus:
    """Where everything lies."""

    kb: Path
    """Folder of the stored knowledge base."""
    texts: Path
    """A text a line."""
    site: Path
    """Holds the distribution of the linker ``mortal``: put it on the import path."""
    orders: Path
    linker: str
    """The section of the linker, as JSON."""

    def kill_workers(self, times: int) -> None:
        """Have whoever links next die by SIGKILL, so many times in all."""
        for number in range(times):
            (self.orders / f"die-{number}").touch()

    def put_to_sleep(self, batches: int = 0) -> None:
        """Have each worker sleep for a minute after so many batches."""
        (self.orders / "sleep").write_text(str(batches))

    def wake(self) -> None:
        """Have those who link from now on stay awake."""
        (self.orders / "sleep").unlink()

    def asleep(self, workers: int, seconds: float = 60) -> list[int]:
        """Wait until so many workers sleep, and return their process ids."""
        end = time.monotonic() + seconds
        while len(found := list(self.orders.glob("asleep-*"))) < workers:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(found)} of {workers} workers sleep")
            time.sleep(0.02)
        return [int(path.name.partition("-")[2]) for path in found]


class _Names(KBProvider):
    def entities(self) -> Iterator[Entity]:
        for number, name in enumerate(NAMES):
            kind = ("finding", "disorder")[number % 2]
            yield Entity(f"E{number}", name, types=(kind,), xrefs=(f"MESH:D{number}",))

    def triples(self) -> Iterator[Triple]:
        yield Triple("E0", "finding_of", "E1")


def tiny_corpus(folder: Path, texts: int = 60) -> Corpus:
    """Write a knowledge base of six entities, texts of which most name one or two, and the linker.

    Args:
        folder: gets ``kb/``, ``texts.txt``, ``site/`` and ``orders/``.
        texts: how many; each of some 40 bytes.
    """
    build_store(_Names(None, Context()), folder / "kb", "names", Context())
    lines = []
    for number in range(texts):
        words = [_WORDS[(number * step) % len(_WORDS)] for step in (1, 3, 7)]
        first, second = NAMES[number % 6], NAMES[(number * number) % 6]
        lines.append(" ".join([words[0], first, words[1], *([second] * (number % 3)), words[2]]))
    (folder / "texts.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    orders = folder / "orders"
    orders.mkdir()
    fake_distribution(
        folder / "site",
        "kp-plugin-mortal",
        entry_points={"mortal": "kp_plugin_mortal"},
        files={
            "kp_plugin_mortal/__init__.py": _DECLARATION,
            "kp_plugin_mortal/config.py": _CONFIG,
            "kp_plugin_mortal/linker.py": _LINKER,
        },
    )
    linker = json.dumps({"type": "mortal", "orders": str(orders)})
    return Corpus(folder / "kb", folder / "texts.txt", folder / "site", orders, linker)
