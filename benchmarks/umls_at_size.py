"""A made-up Metathesaurus of the real one's order of size: build, memory, store, queries.

``python benchmarks/umls_at_size.py FOLDER --concepts 1000000`` writes a META folder of 5 names and
10 relations a concept, builds the knowledge base in a process of its own, and asks it in another,
so that the memory of one part is not that of another. Memory is what the process holds of its own
(RssAnon), sampled every 10 ms; pages of mapped files are not in it, since the system may drop them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from kp_plugin_umls.config import UmlsConfig
from kp_plugin_umls.provider import UmlsProvider
from kp_plugin_umls.synthetic import write

from kpframework.api import Context
from kpframework.kb.store import build_store, open_store

QUERIES = 1_000
MIB = 1 << 20


def anonymous() -> float:
    """Return the MiB of this process that no file stands behind."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise SystemExit("needs Linux: no RssAnon in /proc/self/status")


@contextmanager
def peak() -> Iterator[list[float]]:
    """Yield a list whose last entry becomes the greatest anonymous memory of the block."""
    found, stop = [anonymous()], threading.Event()

    def watch() -> None:
        while not stop.wait(0.01):
            found.append(max(found.pop(), anonymous()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def build(meta: Path, store: Path) -> dict[str, Any]:
    """Build the knowledge base."""
    before = anonymous()
    provider = UmlsProvider(UmlsConfig(meta=str(meta)), Context(scratch=meta.parent / "scratch"))
    wall, cpu = time.perf_counter(), time.process_time()
    with peak() as found:
        made = build_store(provider, store, "umls", Context())
    return {
        "build_s": round(time.perf_counter() - wall, 1),
        "build_cpu_s": round(time.process_time() - cpu, 1),
        "before_mib": round(before),
        "peak_anonymous_mib": round(found[-1]),
        "counts": dict(made.counts),
        "store_mib": {f.name: round(f.stat().st_size / MIB, 1) for f in sorted(store.iterdir())},
    }


def query(path: Path) -> dict[str, Any]:
    """Ask an opened store for random entities, names and neighbours."""
    before, start = anonymous(), time.perf_counter()
    store = open_store(path)
    ids = store.entity_ids
    opened = time.perf_counter() - start
    chosen = random.Random(0)  # noqa: S311
    rows = [chosen.randrange(len(ids)) for _ in range(QUERIES)]
    entities = [ids[row] for row in rows]
    names: list[str] = []
    with peak() as found:
        facts: dict[str, Any] = {
            "open_ms": round(1000 * opened, 1),
            "info": timed(lambda e: names.append(store.info(e).name), entities),
            "find": timed(lambda n: found_one(store.find(n)), names),
            "outgoing": timed(lambda e: list(store.outgoing(e)), entities),
        }
    facts["queries_anonymous_mib"] = round(found[-1] - before)
    start = time.perf_counter()
    with peak() as found:
        triples = len(store.triples)
    facts["all_triples"] = {
        "rows": triples,
        "s": round(time.perf_counter() - start, 2),
        "peak_anonymous_mib": round(found[-1] - before),
    }
    return facts


def found_one(entities: list[str]) -> None:
    if not entities:
        raise SystemExit("a name that an entity has was not found")


def timed(ask: Callable[[str], Any], questions: Sequence[str]) -> dict[str, float]:
    """Return the median and the 95th percentile in milliseconds; the first is a cold start."""
    times = []
    for question in questions:
        start = time.perf_counter()
        ask(question)
        times.append(1000 * (time.perf_counter() - start))
    return {
        "first_ms": round(times[0], 2),
        "median_ms": round(median(times), 3),
        "p95_ms": round(quantiles(times, n=20)[-1], 3),
    }


def apart(*arguments: str) -> dict[str, Any]:
    """Run a part of this script in a process of its own."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--concepts", type=int, default=1_000_000)
    parser.add_argument("--part", choices=["build", "query"])
    given = parser.parse_args()
    meta, store = given.folder / "META", given.folder / "store"
    if given.part:
        print(json.dumps(build(meta, store) if given.part == "build" else query(store)))
        return
    shutil.rmtree(store, ignore_errors=True)
    start = time.perf_counter()
    rows = write(given.folder, given.concepts)
    facts: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}",
        "load_before": round(os.getloadavg()[0], 1),
        "rows": rows,
        "rrf_mib": round(sum(f.stat().st_size for f in meta.iterdir()) / MIB),
        "write_s": round(time.perf_counter() - start, 1),
    }
    for part in ("build", "query"):
        facts |= apart(str(given.folder), "--part", part)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
