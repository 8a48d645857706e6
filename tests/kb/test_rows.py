import numpy as np
import pytest

from kpframework.kb import rows
from kpframework.kb.rows import RowSorter, even


@pytest.mark.parametrize("run", [1 << 20, 500, 64])
@pytest.mark.parametrize("skew", [1_000, 10, 1])
def test_rows_come_sorted_and_once_whatever_the_size_of_a_run(tmp_path, monkeypatch, run, skew):
    monkeypatch.setattr(rows, "_RUN", run)
    given = np.random.default_rng(0).integers(0, skew, (3_000, 3))
    sorter = RowSorter(tmp_path, "t", 3)
    for start in range(0, 3_000, 70):
        sorter.add(given[start : start + 70])
    assert sorter.given == 3_000
    assert np.array_equal(np.concatenate(list(sorter.chunks())), np.unique(given, axis=0))


def test_a_chunk_is_bounded_by_the_run_where_no_value_is_frequent(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "_RUN", 1_000)
    sorter = RowSorter(tmp_path, "t", 2)
    for _ in range(40):
        sorter.add(np.random.default_rng(_).integers(0, 1 << 40, (500, 2)))
    sizes = [len(chunk) for chunk in sorter.chunks()]
    assert sum(sizes) == 20_000
    assert max(sizes) <= 1_000


def test_no_row_is_an_empty_chunk(tmp_path):
    assert [chunk.shape for chunk in RowSorter(tmp_path, "t", 3).chunks()] == [(0, 3)]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_even_chunks_hold_the_same_rows(size):
    given = np.arange(40).reshape(20, 2)
    chunks = list(even(iter([given[:1], given[1:9], given[9:9], given[9:]]), size))
    assert np.array_equal(np.concatenate(chunks), given)
    assert all(len(chunk) == size for chunk in chunks[:-1])
