import json
from pathlib import Path
from typing import Any

import pytest

from kpframework.api import Context, Entity, KBProvider, derived
from kpframework.digest import cache_root
from kpframework.kb.store import KBStore, build_store


class Two(KBProvider):
    def __init__(self, name: str) -> None:
        super().__init__(None, Context())
        self.name = name

    def entities(self) -> Any:
        yield Entity("E1", self.name)
        yield Entity("E2", "other")

    def triples(self) -> Any:
        yield from ()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def store(tmp_path: Path) -> KBStore:
    return build_store(Two("one"), tmp_path / "kb", "kb", Context())


class Work:
    """Writes one file; counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path) -> None:
        self.times += 1
        (folder / "names.txt").write_text("one other")

    def of(self, kb: Any, **options: Any) -> str:
        return derived(kb, "words", options, self, lambda f: (f / "names.txt").read_text())


def files() -> list[Path]:
    return sorted(cache_root().glob("derived/words/*/*/names.txt"))


def test_it_is_made_once_for_equal_content_wherever_the_store_lies(
    store: KBStore, tmp_path: Path
) -> None:
    work = Work()
    again = build_store(Two("one"), tmp_path / "elsewhere", "kb", Context())
    assert [work.of(store), work.of(store), work.of(again)] == ["one other"] * 3
    assert work.times == 1


def test_other_content_and_other_options_are_made_anew(store: KBStore, tmp_path: Path) -> None:
    work = Work()
    other = build_store(Two("changed"), tmp_path / "other", "kb", Context())
    work.of(store)
    work.of(other)
    work.of(store, casing="keep")
    assert work.times == 3


def test_a_truncated_file_is_made_anew(store: KBStore) -> None:
    work = Work()
    work.of(store)
    [path] = files()
    path.write_text("one")
    assert work.of(store) == "one other"
    assert work.times == 2


def test_a_failure_leaves_nothing(store: KBStore, cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise ValueError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        derived(store, "words", {}, fail, lambda folder: folder)
    left = [path for path in (cache / "derived").rglob("*") if path.is_file()]
    assert [path for path in left if path.suffix != ".lock"] == []
    assert Work().of(store) == "one other"


def test_content_without_a_fingerprint_is_not_kept(cache: Path) -> None:
    work = Work()
    assert work.of(object()) == "one other"
    assert not (cache / "derived").exists()


def test_a_cache_that_cannot_be_written_is_done_without(
    store: KBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    _ = store.fingerprint
    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr("kpframework.api.derivation.TemporaryDirectory", _Given)
    assert Work().of(store) == "one other"


class _Given:
    """A temporary folder that needs no `Path.mkdir`."""

    def __init__(self, **options: Any) -> None:
        import tempfile

        self.path = tempfile.mkdtemp()

    def __enter__(self) -> str:
        return self.path

    def __exit__(self, *error: object) -> None:
        import shutil

        shutil.rmtree(self.path)


def test_what_is_kept_says_how_long_its_files_are(store: KBStore) -> None:
    Work().of(store)
    [path] = files()
    assert json.loads((path.parent / "files.json").read_text()) == {"names.txt": 9}
