"""Vectors as text: what is read, and what is refused with its place."""

import codecs
import gzip
from pathlib import Path

import numpy as np
import pytest

from kpframework import KpError
from kpframework.api import read_vectors

LINES = "Q1 0.5 -1\nNew York 2 3e-3\n\nQ2 4 5\n"
VECTORS = np.array([[0.5, -1], [2, 3e-3], [4, 5]], dtype=np.float32)


@pytest.fixture
def write(tmp_path: Path):
    def make(content: str | bytes, name: str = "a.vec") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


@pytest.mark.parametrize("batch", [1, 2, 100])
@pytest.mark.parametrize("head", ["3 2\n", "\ufeff3 2\n", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_ids_and_vectors_are_read_in_batches_of_at_most_the_size_asked_for(
    write, batch: int, head: str, end: str
) -> None:
    path = write(head.rstrip() + end + LINES.replace("\n", end) if head else LINES)
    ids: list[str] = []
    vectors = []
    for rows in read_vectors(path, "KP999", batch):
        assert len(rows.ids) <= batch
        ids += rows.ids
        vectors.append(rows.read(np.arange(len(rows.ids))))
    assert ids == ["Q1", "New York", "Q2"]
    np.testing.assert_array_equal(np.concatenate(vectors), VECTORS)


def test_some_rows_are_read_and_their_places_told(write) -> None:
    path = write("3 2\n" + LINES)
    (rows,) = read_vectors(path, "KP999")
    np.testing.assert_array_equal(rows.read(np.array([0, 2])), VECTORS[[0, 2]])
    assert [rows.where(row) for row in range(3)] == [f"{path}:{line}" for line in (2, 3, 5)]


def test_numbers_of_a_row_that_is_not_asked_for_are_not_read(write) -> None:
    path = write("2 2\nQ1 1 2\nQ2 1 x\n")
    (rows,) = read_vectors(path, "KP999")
    rows.read(np.array([0]))
    with pytest.raises(KpError) as caught:
        rows.read(np.array([1]))
    assert (caught.value.code, caught.value.problems[0].where) == ("KP999", f"{path}:3")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"Q1\n", 1),
        (b"3 2\nQ1 1\n", 2),
        (b"\xe9 1 2\n", 1),
        (b"3 2\nQ1 1 2\n", None),
        (b"1 2\nQ1 1 2\nQ2 1 2\n", None),
        (b"1 0\nQ1\n", 2),
        (b"\t1.5\t2\n", 1),
        (codecs.BOM_UTF16_LE + "Q1 1 2\n".encode("utf-16-le"), 1),
    ],
)
def test_what_is_malformed_is_an_error_of_the_plugins_own_with_its_place(
    write, content: bytes, line: int | None
) -> None:
    path = write(content)
    with pytest.raises(KpError) as caught:
        list(read_vectors(path, "KP999"))
    (problem,) = caught.value.problems
    assert problem.code == "KP999"
    assert problem.where == (str(path) if line is None else f"{path}:{line}")
    assert problem.fix


def test_a_packed_file_that_ends_early_is_an_error(write) -> None:
    path = write(gzip.compress(b"3 2\n" + LINES.encode())[:-6], "a.vec.gz")
    with pytest.raises(KpError, match="cannot be read to its end"):
        list(read_vectors(path, "KP999"))


def test_a_file_that_is_no_lines_is_an_error_before_it_fills_the_memory(write, monkeypatch) -> None:
    monkeypatch.setattr("kpframework.api.files._LONGEST", 1_000)
    monkeypatch.setattr("kpframework.api.files._BLOCK", 100)
    with pytest.raises(KpError, match="a line is longer"):
        list(read_vectors(write(b"1 2\n" + b"\0" * 5_000), "KP999"))
