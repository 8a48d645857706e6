import hashlib
import json
import os
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from kpframework import KpError, digest
from kpframework.api import EmbeddingTable
from kpframework.kb import table as table_module
from kpframework.kb.table import EntityTable, write_table

IDS = ["Q2", "Ü1", "Q1", "Q10"]


def vectors(dtype=np.float32, rows=4, dim=3):
    return np.random.default_rng(0).normal(2.0, 3.0, (rows, dim)).astype(dtype)


@pytest.fixture
def written(tmp_path):
    return write_table(tmp_path / "table", EmbeddingTable(IDS, vectors(), {"mrr": 0.5}))


def code_of(call, *arguments, **options):
    with pytest.raises(KpError) as caught:
        call(*arguments, **options)
    return caught.value.code


def test_rows_follow_the_sorted_ids_and_gather_returns_their_vectors(written):
    assert list(written.ids) == ["Q1", "Q10", "Q2", "Ü1"]
    assert written.rows(["Ü1", "missing", "Q2", "Q100"]).tolist() == [3, -1, 2, -1]
    assert written.row("Q10") == 1
    assert written.row("Q") == -1
    np.testing.assert_array_equal(written.gather([2, 3, 2]), vectors()[[0, 1, 0]])
    assert written.metrics == {"mrr": 0.5}
    assert (len(written), written.dim) == (4, 3)


def test_the_file_is_ordinary_safetensors(written):
    stored = load_file(written.folder / "vectors.safetensors")["vectors"]
    np.testing.assert_array_equal(stored, vectors()[[2, 3, 0, 1]])


def test_half_precision_is_kept_and_gathered_as_single(tmp_path):
    table = write_table(tmp_path / "table", EmbeddingTable(IDS, vectors(np.float16)))
    assert table.dtype == "float16"
    gathered = table.gather([0])
    assert gathered.dtype == np.float32
    np.testing.assert_array_equal(gathered[0], vectors(np.float16)[2].astype(np.float32))


def test_double_precision_is_stored_as_single(tmp_path):
    table = write_table(tmp_path / "table", EmbeddingTable(IDS, vectors(np.float64)))
    assert table.dtype == "float32"


def test_equal_content_is_equal_bytes_whatever_the_order(written, tmp_path):
    order = [3, 1, 0, 2]
    again = write_table(
        tmp_path / "again",
        EmbeddingTable([IDS[i] for i in order], vectors()[order], {"mrr": 0.5}),
    )
    assert again.sha256 == written.sha256
    for name in ("vectors.safetensors", "ids.npy", "table.json"):
        assert (again.folder / name).read_bytes() == (written.folder / name).read_bytes()


def test_vectors_are_mapped_not_loaded(written):
    assert isinstance(written._vectors.base, np.memmap)


@pytest.mark.parametrize("rows", [[-1], [4]])
def test_rows_outside_the_table_are_refused(written, rows):
    with pytest.raises(IndexError):
        written.gather(rows)


def test_a_value_that_is_not_finite_is_refused_with_its_entity(tmp_path):
    bad = vectors()
    bad[1, 2] = np.nan
    with pytest.raises(KpError, match=r"KP414(.|\n)*'Ü1'"):
        write_table(tmp_path / "table", EmbeddingTable(IDS, bad))
    assert code_of(write_table, tmp_path, EmbeddingTable(IDS, vectors(np.float64) * 1e300)) == (
        "KP414"
    )


@pytest.mark.parametrize("bad", [np.ones((4, 3), dtype=int), np.ones(4), np.ones((4, 0))])
def test_vectors_that_are_no_matrix_of_floats_are_refused(tmp_path, bad):
    assert code_of(write_table, tmp_path, EmbeddingTable(IDS, bad)) == "KP415"


@pytest.mark.parametrize("change", [-1, 1, -48])
def test_a_file_of_another_length_is_refused(written, change):
    path = written.folder / "vectors.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"\0")
    assert code_of(EntityTable.open, written.folder) == "KP411"


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 8, b"\x02\0\0\0\0\0\0\0{}", b"\x01" + b"\0" * 8]
)
def test_a_file_that_is_not_safetensors_is_refused(written, content):
    (written.folder / "vectors.safetensors").write_bytes(content)
    assert code_of(EntityTable.open, written.folder) in {"KP410", "KP411"}


def test_ids_and_rows_that_differ_in_number_are_refused(written, tmp_path):
    other = write_table(tmp_path / "other", EmbeddingTable(IDS[:3], vectors()[:3]))
    (written.folder / "ids.npy").write_bytes((other.folder / "ids.npy").read_bytes())
    assert code_of(EntityTable.open, written.folder) == "KP412"


def test_changed_content_is_found_when_asked_to_verify(written):
    path = written.folder / "vectors.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    EntityTable.open(written.folder)
    assert code_of(EntityTable.open, written.folder, verify=True) == "KP413"


def test_a_folder_without_a_table_is_refused(tmp_path):
    assert code_of(EntityTable.open, tmp_path) == "KP410"


def test_shuffling_joins_the_same_vectors_to_other_entities(tmp_path, monkeypatch):
    monkeypatch.setattr(table_module, "_CHUNK", 7)
    ids = [f"e{i:03}" for i in range(100)]
    table = write_table(tmp_path / "table", EmbeddingTable(ids, vectors(rows=100)))
    one = table.shuffled(tmp_path / "one", 1)
    everything = range(100)
    assert list(one.ids) == ids
    assert (one.gather(everything) != table.gather(everything)).any(axis=1).mean() > 0.9
    np.testing.assert_array_equal(
        np.sort(one.gather(everything), axis=0), np.sort(table.gather(everything), axis=0)
    )
    assert table.shuffled(tmp_path / "again", 1).sha256 == one.sha256
    assert table.shuffled(tmp_path / "two", 2).sha256 != one.sha256


def test_random_vectors_have_the_mean_and_scale_of_each_dimension(tmp_path, monkeypatch):
    monkeypatch.setattr(table_module, "_CHUNK", 1_000)
    given = vectors(rows=5_000) * np.array([1, 10, 0], dtype=np.float32)
    table = write_table(
        tmp_path / "table", EmbeddingTable([f"e{i:05}" for i in range(5_000)], given)
    )
    drawn = table.random(tmp_path / "one", 1)
    values = drawn.gather(range(5_000))
    np.testing.assert_allclose(values.mean(axis=0), given.mean(axis=0), atol=1.5)
    np.testing.assert_allclose(values.std(axis=0), given.std(axis=0), rtol=0.05, atol=1e-6)
    assert abs(np.corrcoef(values[:, 0], given[:, 0])[0, 1]) < 0.1
    assert table.random(tmp_path / "again", 1).sha256 == drawn.sha256


def test_an_empty_table_is_a_table(tmp_path):
    table = write_table(tmp_path / "table", EmbeddingTable([], np.empty((0, 3), np.float32)))
    assert table.rows(["Q1"]).tolist() == [-1]
    assert table.gather([]).shape == (0, 3)
    assert json.loads((tmp_path / "table" / "table.json").read_text())["count"] == 0


def test_verifying_once_finds_a_flipped_bit_on_the_first_open_and_after_a_later_change(
    written, monkeypatch, tmp_path
):
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    path = written.folder / "vectors.safetensors"
    old = path.stat().st_mtime - 60
    os.utime(path, (old, old))
    EntityTable.open(written.folder, verify="once")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, (old, old))  # the time is forged; when the inode changed cannot be
    assert code_of(EntityTable.open, written.folder, verify="once") == "KP413"


def test_a_file_that_did_not_change_is_hashed_once(written, monkeypatch, tmp_path):
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    later = time.time_ns() + 60_000_000_000
    monkeypatch.setattr(digest.time, "time_ns", lambda: later)
    EntityTable.open(written.folder, verify="once")
    hashed = []
    monkeypatch.setattr(digest, "file_digest", hashed.append)
    EntityTable.open(written.folder, verify="once")
    assert hashed == []


@pytest.mark.parametrize("change", [-1, 1])
def test_an_id_file_of_another_length_is_refused(written, change):
    path = written.folder / "ids.npy"
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"\0")
    assert code_of(EntityTable.open, written.folder) == "KP411"


def test_an_id_file_that_holds_something_else_is_refused(written):
    np.save(written.folder / "ids.npy", np.arange(4))
    assert code_of(EntityTable.open, written.folder) == "KP410"
    (written.folder / "ids.npy").write_bytes(b"nothing")
    assert code_of(EntityTable.open, written.folder) == "KP410"


def test_a_table_of_the_first_format_opens_with_its_own_checksum(written):
    """Its ids are a Parquet file."""
    folder = written.folder
    pq.write_table(pa.table({"id": sorted(IDS)}), folder / "ids.parquet")
    (folder / "ids.npy").unlink()
    description = json.loads((folder / "table.json").read_text())
    ids = hashlib.sha256((folder / "ids.parquet").read_bytes()).hexdigest()
    vectors_sum = description["sha256"]["vectors.safetensors"]
    sums = {"vectors.safetensors": vectors_sum, "ids.parquet": ids}
    (folder / "table.json").write_text(json.dumps({**description, "format": 1, "sha256": sums}))
    old = EntityTable.open(folder, verify=True)
    assert list(old.ids) == sorted(IDS)
    assert old.sha256 == hashlib.sha256(f"{vectors_sum} {ids}".encode()).hexdigest()
    (folder / "ids.parquet").write_bytes((folder / "ids.parquet").read_bytes() + b"\0")
    assert code_of(EntityTable.open, folder, verify=True) in {"KP410", "KP413"}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_stored_precision_can_be_asked_for(tmp_path, dtype):
    table = write_table(tmp_path / "table", EmbeddingTable(IDS, vectors(np.float64)), dtype)
    assert table.dtype == dtype
    np.testing.assert_array_equal(
        table.gather([2]), vectors(np.float64)[:1].astype(dtype).astype(np.float32)
    )


def test_a_vector_past_the_range_of_half_precision_is_refused(tmp_path):
    big = EmbeddingTable(IDS, vectors() * 1e6)
    assert code_of(write_table, tmp_path / "table", big, "float16") == "KP414"
