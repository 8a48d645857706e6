"""Keys change with params, inputs and file contents, and with nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from kpframework import digest
from kpframework.digest import DigestStore
from kpframework.errors import KpError
from kpframework.run.step import Step


def step(**changes: Any) -> Step:
    defaults: dict[str, Any] = {
        "name": "a",
        "kind": "kb",
        "params": {"a": 1, "b": [1.5, None, True]},
        "action": lambda context: {},
    }
    return Step(**(defaults | changes))


def test_name_action_and_order_of_options_do_not_change_the_key() -> None:
    other = step(
        name="b",
        action=lambda context: {"x": 1},
        params=MappingProxyType({"b": (1.5, None, True), "a": 1}),
    )
    assert other.key == step().key
    assert len(step().key) == 64


@pytest.mark.parametrize(
    "params",
    [
        {"a": 2, "b": [1.5, None, True]},
        {"a": 1, "b": [1.5, None, 1]},
        {"a": 1.0, "b": [1.5, None, True]},
        {"a": "1", "b": [1.5, None, True]},
        {"a": 1, "b": [None, 1.5, True]},
        {"a": 1, "b": [1.5, None, True], "c": None},
    ],
)
def test_every_change_of_params_changes_the_key(params: dict[str, Any]) -> None:
    assert step(params=params).key != step().key


def test_kind_and_inputs_change_the_key() -> None:
    inner, other = step(), step(params={"a": 3})
    keys = {
        step().key,
        step(kind="host").key,
        step(inputs={"x": inner}).key,
        step(inputs={"y": inner}).key,
        step(inputs={"x": other}).key,
        step(inputs={"x": step(inputs={"x": inner})}).key,
    }
    assert len(keys) == 6


def test_a_renamed_input_step_keeps_the_key() -> None:
    assert step(inputs={"x": step(name="p")}).key == step(inputs={"x": step(name="q")}).key


def test_content_of_a_file_counts_and_its_place_does_not(tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "sub" / "b.txt"
    second.parent.mkdir()
    first.write_text("same")
    second.write_text("same")
    assert step(files=(first,)).key == step(files=(second,)).key
    assert step(files=(first,)).key != step().key
    second.write_text("diff")
    assert step(files=(first,)).key != step(files=(second,)).key


def test_a_folder_counts_by_names_and_contents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "x").write_text("1")
    keys = [step(files=(tmp_path / "a",)).key, step(files=(tmp_path / "b",)).key]
    assert keys[0] == keys[1]
    (tmp_path / "b" / "deep" / "x").rename(tmp_path / "b" / "deep" / "y")
    keys.append(step(files=(tmp_path / "b",)).key)
    (tmp_path / "b" / "deep" / "z").touch()
    keys.append(step(files=(tmp_path / "b",)).key)
    assert len(set(keys)) == 3


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        _ = step(params={"lr": number}).key


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON"):
        _ = step(params={"path": Path("x")}).key


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KpError, match=r"gone\.txt") as caught:
        _ = step(files=(tmp_path / "gone.txt",)).key
    assert caught.value.code == "KP501"


class TestDigestStore:
    @pytest.fixture
    def hashed(self, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
        calls: list[Path] = []
        real = digest.file_digest
        monkeypatch.setattr(
            digest, "file_digest", lambda p, read: (calls.append(p), real(p, read))[1]
        )
        return calls

    @pytest.fixture
    def old(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return a file that no longer changes, as far as the clock can tell."""
        path = tmp_path / "old"
        path.write_text("content")
        now = time.time_ns() + 10**10
        monkeypatch.setattr(digest.time, "time_ns", lambda: now)
        return path

    def test_an_unchanged_file_is_hashed_once_even_by_another_process(
        self, old: Path, hashed: list[Path], tmp_path: Path
    ) -> None:
        values = {DigestStore(tmp_path / "d.json").digest(old) for _ in range(3)}
        assert len(values) == 1
        assert hashed == [old]

    def test_a_file_of_equal_size_and_restored_time_is_hashed_again(
        self, old: Path, hashed: list[Path], tmp_path: Path
    ) -> None:
        store = DigestStore(tmp_path / "d.json")
        before, stat = store.digest(old), old.stat()
        time.sleep(0.02)
        old.write_text("CONTENT")
        os.utime(old, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert store.digest(old) != before

    def test_a_file_just_written_is_not_remembered(
        self, hashed: list[Path], tmp_path: Path
    ) -> None:
        fresh = tmp_path / "fresh"
        fresh.write_text("1")
        store = DigestStore(tmp_path / "d.json")
        assert store.digest(fresh) == store.digest(fresh)
        assert len(hashed) == 2

    @pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "{"])
    def test_a_damaged_store_is_ignored(self, text: str, old: Path, tmp_path: Path) -> None:
        (tmp_path / "d.json").write_text(text)
        assert len(DigestStore(tmp_path / "d.json").digest(old)) == 64
