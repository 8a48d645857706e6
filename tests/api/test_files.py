"""Files that are packed or not, and what is wrong with them."""

import bz2
import errno
import gzip
import lzma
from pathlib import Path

import pyarrow as pa
import pytest

from kpframework import KpError
from kpframework.api import (
    PACKED,
    decoded_lines,
    numbered_lines,
    open_packed,
    read_json,
    read_records,
    read_text,
    unpacked_suffix,
)
from kpframework.api import files as reading

# What no packing makes shorter: a file cut in its middle is then cut in its content.
TEXT = "".join(f"line {i * 7919 % 10007} ünder {i}\n" for i in range(5_000)).encode()


def packed(data: bytes, suffix: str, folder: Path) -> Path:
    path = folder / f"facts.tsv{suffix}"
    if suffix in (".zst", ".lz4"):
        with pa.output_stream(path) as out:
            out.write(data)
    else:
        pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, "": bytes}
        path.write_bytes(pack[suffix](data))
    return path


@pytest.mark.parametrize("suffix", ["", *PACKED])
def test_a_file_reads_the_same_however_it_is_packed(suffix: str, tmp_path: Path) -> None:
    path = packed(TEXT, suffix, tmp_path)
    assert (path.read_bytes() == TEXT) is (suffix == "")
    with open_packed(path, "KP999") as file:
        assert b"".join(file) == TEXT
    assert unpacked_suffix(path) == ".tsv"


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("A.TSV", ".tsv"), ("a.b.Json.GZ", ".json"), ("a.gz", ""), ("a", ""), ("d.tsv/a", "")],
)
def test_the_suffix_of_a_name_is_in_lower_case_and_without_that_of_packing(
    name: str, suffix: str
) -> None:
    assert unpacked_suffix(name) == suffix


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    "content", [TEXT[:2000], b"a\r\n\n\rb\x0bc\xc2\x85d\n", b"a\n\nb", b"\n", b""]
)
def test_lines_are_those_of_the_file_however_it_is_read(
    content: bytes, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_BLOCK", block)
    path = packed(content, ".gz", tmp_path)
    with open_packed(path, "KP999") as file:
        expected = [(number, line.removesuffix(b"\n")) for number, line in enumerate(file, 1)]
    assert list(numbered_lines(path, "KP999")) == expected


@pytest.mark.parametrize("content", [b"a\n" + b"b" * 101 + b"\n", b"a\n" + b"b" * 500])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_line_too_long_to_hold_is_an_error_with_its_place(
    content: bytes, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_BLOCK", 10)
    monkeypatch.setattr(reading, "_LONGEST", 100)
    path = packed(content, suffix, tmp_path)
    with pytest.raises(KpError, match="a line is longer than") as caught:
        list(numbered_lines(path, "KP999"))
    assert caught.value.problems[0].code == "KP999"
    assert caught.value.problems[0].where == f"{path}:2"


def test_a_line_that_is_not_utf_8_is_told_and_left_out(tmp_path: Path) -> None:
    path = packed(b"\xef\xbb\xbfa\r\n\xe4\nb", ".xz", tmp_path)
    told: list[tuple[int, str]] = []
    lines = decoded_lines(path, "KP999", lambda number, what: told.append((number, what)))
    assert list(lines) == [(1, "a"), (3, "b")]
    assert [(number, what[:9]) for number, what in told] == [(2, "not UTF-8")]


def test_the_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    path = packed(TEXT, ".gz", tmp_path).rename(tmp_path / "FACTS.TSV.GZ")
    with open_packed(path, "KP999") as file:
        assert file.read() == TEXT


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("fault", ["cut", "bytes changed", "not packed", "missing"])
def test_a_damaged_file_is_an_error_of_the_plugins_own(
    suffix: str, fault: str, tmp_path: Path
) -> None:
    path = packed(TEXT, suffix, tmp_path)
    data = path.read_bytes()
    half = len(data) // 2
    if fault == "cut":
        path.write_bytes(data[:half])
    elif fault == "bytes changed":
        if suffix in (".zst", ".lz4"):
            pytest.skip("pyarrow writes these without a checksum")
        path.write_bytes(data[:half] + b"\xff" * 64 + data[half + 64 :])
    elif fault == "not packed":
        path.write_bytes(TEXT)
    else:
        path.unlink()
    with pytest.raises(KpError) as caught, open_packed(path, "KP999") as file:
        for _ in file:
            pass
    (problem,) = caught.value.problems
    assert problem.code == "KP999"
    assert problem.where == str(path)
    assert "cannot be read to its end" in problem.message


def test_a_full_disk_is_no_fault_of_the_file_that_is_copied(tmp_path: Path) -> None:
    path = packed(TEXT, ".gz", tmp_path)
    with pytest.raises(OSError, match="No space") as caught, open_packed(path, "KP999"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b'{"a": 1,\n "a": 2}', "", "'a' comes twice in an object"),
        (b'{"a": 1,\n "b": }', ":2:7", "not JSON: Expecting value"),
        (b'{"a": 1,\n\n "b": "\xff"}', ":3", "not UTF-8"),
        (b"[" * 100_000, "", "recursion"),
    ],
)
def test_json_that_cannot_be_read_is_an_error_with_its_place(
    content: bytes, place: str, words: str, tmp_path: Path
) -> None:
    path = packed(content, ".gz", tmp_path).rename(tmp_path / "labels.json.gz")
    with pytest.raises(KpError) as caught:
        read_json(path, "KP999")
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("KP999", f"{path}{place}")
    assert words in problem.message


def test_json_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes('{"Q1": "Ägypten"}'.encode("utf-8-sig"))
    assert read_json(path, "KP999") == {"Q1": "Ägypten"}


@pytest.mark.parametrize("suffix", ["", *PACKED])
def test_records_of_tasks_may_be_packed(suffix: str, tmp_path: Path) -> None:
    path = packed(b'{"text": "a"}\n{"text": "b"}\n', suffix, tmp_path)
    assert [record["text"] for _, record in read_records(str(path))] == ["a", "b"]


@pytest.mark.parametrize("lines", ["[" * 100_000, '{"text": "a"}\n' + '{"a":' * 100_000])
def test_a_record_that_is_nested_too_deeply_is_an_error_with_its_line(
    lines: str, tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(KpError, match="recursion") as caught:
        list(read_records(str(path)))
    assert caught.value.problems[0].where == f"{path}:{len(lines.splitlines())}"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('{"text": "a"}\n{"text": "b", "text": "c"}\n', ":2"),
        ('{"text": "b", "text": "c"}', ":1"),
        ('[\n{"text": "a"},\n{"text": "b", "text": "c"}\n]', ""),
    ],
)
def test_a_key_that_comes_twice_in_a_record_is_an_error_with_its_place(
    content: str, place: str, tmp_path: Path
) -> None:
    path = tmp_path / "records.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(KpError, match="'text' comes twice") as caught:
        list(read_records(str(path)))
    assert caught.value.problems[0].where == f"{path}{place}"


def test_a_damaged_file_of_records_is_an_error(tmp_path: Path) -> None:
    path = packed(TEXT, ".gz", tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[:1000] + b"\xff" * 64 + data[1064:])
    with pytest.raises(KpError, match="KP620"):
        read_text(str(path))


def test_text_that_is_not_utf_8_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"text": "a"}\n{"text": "\xe4"}\n')
    with pytest.raises(KpError) as caught:
        read_text(str(path))
    assert caught.value.problems[0].where == f"{path}:2"
