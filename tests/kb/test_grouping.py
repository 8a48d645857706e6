import random

import pyarrow as pa
import pytest

from kpframework.api import by_key, grouping


def batches(rows, size):
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield pa.record_batch(
            [list(column) for column in zip(*part, strict=True)], ["key", "value"]
        )


@pytest.mark.parametrize("run", [1, 500, 1 << 20])
def test_rows_come_by_key_in_the_order_of_the_file_and_leave_nothing(tmp_path, monkeypatch, run):
    monkeypatch.setattr(grouping, "_RUN", run)
    rows = [(f"k{i % 37}", str(i)) for i in range(500)]
    random.Random(0).shuffle(rows)  # noqa: S311
    expected = {}
    for key, value in rows:
        expected.setdefault(key, []).append((key, value))
    found = list(by_key(batches(rows, 11), tmp_path / "scratch"))
    assert [key for key, _ in found] == sorted(expected)
    assert dict(found) == expected
    assert not list((tmp_path / "scratch").iterdir())


def test_rows_in_order_are_not_sorted_again(tmp_path):
    rows = [("a", "1"), ("a", "2"), ("b", "3")]
    found = list(by_key(batches(rows, 2), tmp_path / "scratch", ordered=True))
    assert found == [("a", rows[:2]), ("b", rows[2:])]
    assert not (tmp_path / "scratch").exists()


def test_no_row_is_no_group(tmp_path):
    assert list(by_key([], tmp_path)) == []
