"""A table costs the rows that are asked for: of memory, of time to open, of pages."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kpframework.kb.table import VECTORS, EntityTable, write_rows

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self")

ROWS, DIM, READ = 60_000, 64, 10_000

LOOK = """
import json, mmap, sys
from pathlib import Path
import numpy as np
from kpframework.kb.table import EntityTable, VECTORS

def told(path, name):
    return sum(int(l.split()[1]) for l in Path(path).read_text().splitlines() if l.startswith(name))

folder, rows, read = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
wanted = np.random.default_rng(0).integers(0, rows, read).tolist()
warm = EntityTable.open(folder)
warm.gather(warm.rows(["C00000000"]))
names = [f"C{row:08}" for row in wanted]
before = told("/proc/self/status", "RssAnon")
table = EntityTable.open(folder)
vectors = table.gather(table.rows(names))
grown = told("/proc/self/status", "RssAnon") - before
table.gather(range(len(table)))
smaps, inside = {}, False
for line in Path("/proc/self/smaps").read_text().splitlines():
    name, *rest = line.split()
    if not name.endswith(":"):
        inside = bool(rest) and rest[-1] == str(folder / VECTORS)
    elif inside and rest[0].isdigit():
        smaps[name[:-1]] = smaps.get(name[:-1], 0) + int(rest[0])
print(json.dumps({"grown": grown, "result": vectors.nbytes // 1024, "smaps": smaps}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")

    def part(start, stop):
        drawn = np.random.default_rng(start).standard_normal((stop - start, DIM), np.float32)
        return drawn.astype(np.float16)

    ids = [f"C{row:08}" for row in range(ROWS)]
    write_rows(folder, ids, dtype=np.dtype(np.float16), dim=DIM, part=part, metrics={})
    return folder


@pytest.fixture(scope="module")
def seen(folder):
    """What another process finds while this one has read the whole table."""
    table = EntityTable.open(folder)
    table.gather(range(len(table)))
    command = [sys.executable, "-c", LOOK, str(folder), str(ROWS), str(READ)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def test_random_rows_take_the_memory_of_the_result_and_two_mebibytes_at_most(seen):
    assert seen["result"] == READ * DIM * 4 // 1024
    assert seen["grown"] <= seen["result"] + 2_048


def test_two_processes_share_every_page_of_the_vectors(seen):
    smaps = seen["smaps"]
    assert smaps["Rss"] >= ROWS * DIM * 2 // 1024
    assert smaps["Private_Clean"] == smaps["Private_Dirty"] == smaps["Anonymous"] == 0
    # Dirty: the file was written just now, and is not on the disk yet.
    assert smaps["Shared_Clean"] + smaps["Shared_Dirty"] == smaps["Rss"]


def resident(path):
    """Return how many KiB of a file's mapping this process has touched."""
    kib, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            inside = bool(rest) and rest[-1] == str(path)
        elif inside and name == "Rss:":
            kib += int(rest[0])
    return kib


def test_opening_reads_no_vectors_and_a_look_up_reads_its_neighbourhood(folder, tmp_path):
    own = Path(shutil.copytree(folder, tmp_path / "own"))
    table = EntityTable.open(own)
    assert resident(own / VECTORS) == 0
    table.gather([3, 7])
    assert 0 < resident(own / VECTORS) <= 256
    table.gather(range(len(table)))
    assert resident(own / VECTORS) >= ROWS * DIM * 2 // 1024


def test_an_id_is_found_and_its_vector_is_the_one_that_was_written(folder):
    table = EntityTable.open(folder, verify=True)
    drawn = np.random.default_rng(0).standard_normal((16_384, DIM), np.float32)
    row = table.row("C00000123")
    assert row == 123
    np.testing.assert_array_equal(table.gather([row])[0], drawn[123].astype(np.float16))
