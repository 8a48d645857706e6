"""An entity table at size: opening it, reading rows of it, sharing it, and telling that it changed.

``python benchmarks/entity_table.py`` writes 5,000,000 vectors of 128 halves to a temporary folder
(1.4 GB) and looks at them from processes of their own. Memory is what a process holds of its own
(RssAnon), sampled every millisecond; pages of mapped files are not in it, since the system may drop
them.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from kpframework import KpError
from kpframework.kb.table import VECTORS, EntityTable, write_rows

READ = 50_000
MIB = 1 << 20


def entity(row: int) -> str:
    """Return the id of a row; sorted as the rows are."""
    return f"C{row:08}"


class Ids:
    """The ids of a table, made as they are asked for."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[str]:
        return map(entity, range(self.count))


def anonymous() -> float:
    """Return the MiB of this process that no file stands behind."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise SystemExit("needs Linux: no RssAnon in /proc/self/status")


@contextmanager
def peak() -> Iterator[list[float]]:
    """Yield a list whose only entry is the greatest anonymous memory of the block so far."""
    found, stop = [anonymous()], threading.Event()

    def watch() -> None:
        while not stop.wait(0.001):
            found[0] = max(found[0], anonymous())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
        found[0] = max(found[0], anonymous())


def mapping(path: Path) -> dict[str, int]:
    """Return the kB that /proc/self/smaps tells of a mapped file."""
    found: dict[str, int] = {}
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            inside = bool(rest) and rest[-1] == str(path)
        elif inside and rest and rest[0].isdigit():
            found[name[:-1]] = found.get(name[:-1], 0) + int(rest[0])
    return found


def forget(folder: Path) -> None:
    """Drop a table's files from the page cache."""
    for path in folder.iterdir():
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def timed(call: Callable[[], Any]) -> float:
    """Return the milliseconds a call takes."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def look(folder: Path) -> dict[str, float]:
    """Open a table cold, then read random entities of it by their ids."""
    forget(folder)
    cold = timed(lambda: EntityTable.open(folder))
    warm = median(timed(lambda: EntityTable.open(folder)) for _ in range(20))
    wanted = np.random.default_rng(0).integers(0, len(EntityTable.open(folder)), READ)
    names = [entity(row) for row in wanted.tolist()]
    before = anonymous()
    with peak() as most:
        table = EntityTable.open(folder)
        start = time.perf_counter()
        vectors = table.gather(table.rows(names))
        first = (time.perf_counter() - start) * 1000
    assert vectors.shape == (READ, table.dim)
    again = median(timed(lambda: table.gather(table.rows(names))) for _ in range(5))
    batch = table.rows(names[:64])
    return {
        "open_cold_ms": cold,
        "open_ms": warm,
        "anonymous_mib": most[0] - before,
        "result_mib": vectors.nbytes / MIB,
        "read_cold_ms": first,
        "read_ms": again,
        "find_64_ms": median(timed(lambda: table.rows(names[:64])) for _ in range(50)),
        "gather_64_ms": median(timed(lambda: table.gather(batch)) for _ in range(50)),
    }


def share(folder: Path, child: bool = True) -> Any:
    """Read every page of a table in two processes; return what the second's mapping shares."""
    table = EntityTable.open(folder)
    step = max(1, mmap.PAGESIZE // (table.dim * np.dtype(table.dtype).itemsize))
    for start in range(0, len(table), step * 4096):
        table.gather(range(start, min(start + step * 4096, len(table)), step))
    if child:
        return in_process("share-child", folder)
    found = mapping(folder / VECTORS)
    names = ("Rss", "Pss", "Shared_Clean", "Shared_Dirty", "Private_Clean", "Private_Dirty")
    return {f"{name}_kb": found[name] for name in names}


def damage(folder: Path) -> dict[str, Any]:
    """Tell that a table was cut, or that a bit of it flipped, and how long that takes."""
    path = folder / VECTORS
    found: dict[str, Any] = {"verify_ms": timed(lambda: EntityTable.open(folder, verify=True))}
    found["once_first_ms"] = timed(lambda: EntityTable.open(folder, verify="once"))
    found["once_later_ms"] = timed(lambda: EntityTable.open(folder, verify="once"))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        byte = file.read(1)[0]
        file.seek(size // 2)
        file.write(bytes([byte ^ 1]))
    found["flipped"] = refusal(lambda: EntityTable.open(folder, verify="once"))
    with path.open("r+b") as file:
        file.truncate(size - 1)
    found["truncated"] = refusal(lambda: EntityTable.open(folder))
    return found


def refusal(call: Callable[[], Any]) -> str:
    """Return the code of the error a call raises."""
    try:
        call()
    except KpError as error:
        return error.code
    raise SystemExit("a damaged table was opened")


PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "look": look,
    "share": share,
    "share-child": lambda folder: share(folder, child=False),
    "damage": damage,
}


def in_process(part: str, folder: Path) -> Any:
    """Return what a part finds in a process of its own."""
    command = [sys.executable, __file__, "--part", part, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def build(folder: Path, rows: int, dim: int) -> float:
    """Write a table of normal halves; return the seconds it took."""

    def part(start: int, stop: int) -> Any:
        drawn = np.random.default_rng(start).standard_normal((stop - start, dim), np.float32)
        return drawn.astype(np.float16)

    ids: Any = Ids(rows)
    dtype = np.dtype(np.float16)
    write = lambda: write_rows(folder, ids, dtype=dtype, dim=dim, part=part, metrics={})  # noqa: E731
    return timed(write) / 1000


def main() -> None:
    """Build the table, look at it, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--part", choices=sorted(PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(PARTS[options.part](options.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="entity-table-") as temporary:
        os.environ["KPFRAMEWORK_CACHE"] = f"{temporary}/cache"
        folder = Path(temporary) / "table"
        figures: dict[str, Any] = {"build_s": build(folder, options.rows, options.dim)}
        figures["file_mib"] = (folder / VECTORS).stat().st_size / MIB
        time.sleep(3)  # files that changed within two seconds are hashed anew each time
        for part in ("look", "share", "damage"):
            figures[part] = in_process(part, folder)
    print(json.dumps({"machine": platform.processor() or platform.machine(), **figures}, indent=2))


if __name__ == "__main__":
    main()
