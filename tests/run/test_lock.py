"""A lock names what moved, and nothing that only follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kpframework.api import ComponentConfig, DataFolder
from kpframework.errors import KpError, LockMismatch
from kpframework.run import lock as lock_module
from kpframework.run.lock import check_lock, make_lock, read_lock
from kpframework.run.step import Step
from kpframework.run.surroundings import surroundings
from kpframework.spec.resolved import ResolvedSpec


class InPart(ComponentConfig):
    """Options of a component that reads a folder in part: no step names the folder."""

    meta: DataFolder


@dataclass(frozen=True)
class FakeSpec:
    """As much of a resolved spec as a lock looks at."""

    folder: Path
    options: Mapping[str, Any] = field(default_factory=lambda: {"dim": 8})
    plugin_version: str = "0.1.0"
    distribution: str = "kp-plugin-kg"
    entries: Any = None

    @property
    def data(self) -> Path:
        return self.folder / "train" / "data.tsv"

    @property
    def config(self) -> InPart:
        return InPart(meta=str(self.folder / "train"))

    def filled(self) -> dict[str, Any]:
        return {
            "$schema": "x",
            "description": str(self.folder),
            "knowledge": [
                {"kb": {"path": str(self.data), **self.config.model_dump(), **self.options}}
            ],
        }

    def components(self) -> list[Any]:
        registered = SimpleNamespace(
            plugin="kg", distribution=self.distribution, version=self.plugin_version
        )
        return [SimpleNamespace(registered=registered, config=self.config)]

    @property
    def registry(self) -> Any:
        return SimpleNamespace(call=lambda hook: [("kg", self.entries), ("unused", {"a": 1})])

    def lock(
        self, metrics: Mapping[str, Mapping[str, Any]] | None = None, made: Any = None
    ) -> dict[str, Any]:
        return make_lock(cast("ResolvedSpec", self), self.steps(), metrics, made)

    def steps(self) -> list[Step]:
        params = {**self.options, "version": self.plugin_version}
        files = (self.data, self.folder / "test" / "data.tsv")
        return [Step("kb[kg]", "kb", params, lambda context: {}, files=files)]


@pytest.fixture
def spec(tmp_path: Path) -> FakeSpec:
    return made(tmp_path / "here")


def made(folder: Path) -> FakeSpec:
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
        (folder / part / "data.tsv").write_text(part)
    return FakeSpec(folder, entries={"release": "1"})


def moved(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(LockMismatch) as caught:
        check_lock(old, new)
    assert caught.value.exit_code == 4
    return [(p.code, p.message) for p in caught.value.problems]


def test_nothing_moved_passes_even_after_a_round_trip_and_in_another_folder(
    spec: FakeSpec, tmp_path: Path
) -> None:
    path = tmp_path / "kp.lock"
    path.write_text(json.dumps(spec.lock()))
    check_lock(read_lock(path), spec.lock())
    check_lock(read_lock(path), made(tmp_path / "there").lock())


def test_a_lock_holds_what_pins_a_run(spec: FakeSpec) -> None:
    lock = spec.lock({"kb[kg]": {"licence": "CC0-1.0", "release": "2026AA"}})
    assert lock["plugins"] == {"kp-plugin-kg": "0.1.0"}
    assert lock["licences"] == {"kb[kg]": "CC0-1.0"}
    assert lock["releases"] == {"kb[kg]": "2026AA"}
    assert lock["entries"] == {"kg": {"release": "1"}}
    assert sorted(lock["data"]) == ["test/data.tsv", "train/data.tsv"]
    assert list(lock["steps"]) == ["kb[kg]"]
    assert {"torch", "kpframework", "numpy"} <= set(lock["packages"])
    assert {"torch", "huggingface-hub", "filelock"} <= set(lock["installed"])
    assert str(spec.folder) not in json.dumps(lock)


def test_a_changed_file_is_named(spec: FakeSpec) -> None:
    old = spec.lock()
    spec.data.write_text("changed")
    [(code, message)] = moved(old, spec.lock())
    assert code == "KP604"
    assert message.startswith("data train/data.tsv: ")


def test_a_changed_plugin_is_named_with_the_command_that_restores_it(spec: FakeSpec) -> None:
    new = replace(spec, plugin_version="0.2.0").lock()
    assert moved(spec.lock(), new) == [
        ("KP602", "plugin kp-plugin-kg: 0.1.0 in the lock, 0.2.0 here")
    ]
    with pytest.raises(LockMismatch, match=r"pip install 'kp-plugin-kg==0\.1\.0'"):
        check_lock(spec.lock(), new)


def test_a_changed_package_is_named(spec: FakeSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    old = spec.lock()
    monkeypatch.setattr(
        lock_module, "package_versions", lambda _: {**old["packages"], "torch": "9"}
    )
    assert [code for code, _ in moved(old, spec.lock())] == ["KP603"]


def test_a_package_that_a_used_plugin_requires_is_pinned(spec: FakeSpec) -> None:
    used = replace(spec, distribution="kp-plugin-pykeen").lock()
    assert "pykeen" in used["packages"]
    assert "pykeen" not in spec.lock()["packages"]
    moved_on = {**used, "packages": {**used["packages"], "pykeen": "0.9"}}
    [(code, message)] = moved(moved_on, used)
    assert code == "KP603"
    assert message.startswith("package pykeen: 0.9 in the lock, ")


def test_what_packages_require_in_turn_is_kept_for_people_and_not_compared(spec: FakeSpec) -> None:
    lock = replace(spec, distribution="kp-plugin-pykeen").lock()
    in_turn = {"triton", "nvidia-cudnn-cu12", "class-resolver", "huggingface-hub", "filelock"}
    assert not in_turn & set(lock["packages"])
    assert {"class-resolver", "huggingface-hub", "filelock"} <= set(lock["installed"])
    elsewhere = {**lock["installed"], "filelock": "0", "nvidia-cudnn-cu12": "9.1"}
    check_lock({**lock, "installed": elsewhere}, lock)


def test_nothing_of_todays_stands_beside_the_packages_that_made_every_step(spec: FakeSpec) -> None:
    own = surroundings(spec.steps()[0], "cpu")
    own["packages"]["torch"] = "2.5.0"
    lock = spec.lock(made={"kb[kg]": own})
    assert lock["packages"] == own["packages"]


def test_what_a_used_plugin_imports_from_others_is_pinned(spec: FakeSpec) -> None:
    used = replace(spec, distribution="kp-plugin-hpo-typing").lock()
    assert set(used["plugins"]) == {
        "kp-plugin-classification",
        "kp-plugin-hpo-typing",
        "kp-plugin-linkers",
    }


def test_an_edited_plugin_is_named_and_no_version_is_advised(spec: FakeSpec) -> None:
    old, new = (replace(spec, plugin_version=f"0.1.0 source:{own}").lock() for own in "ab")
    assert [code for code, _ in moved(old, new)] == ["KP602"]
    with pytest.raises(LockMismatch, match="restore the source that was locked") as caught:
        check_lock(old, new)
    assert "pip install" not in str(caught.value)


def test_what_made_the_numbers_is_pinned_and_not_what_is_installed(spec: FakeSpec) -> None:
    old = spec.lock(made={"kb[kg]": {"packages": {"torch": "1.0"}}})
    assert old["packages"]["torch"] == "1.0"
    [(code, message)] = moved(old, spec.lock())
    assert code == "KP603"
    assert message.startswith("package torch: 1.0 in the lock, ")


def test_everything_that_moved_is_named_at_once(spec: FakeSpec) -> None:
    old = spec.lock()
    spec.data.write_text("changed")
    new = replace(spec, options={"dim": 9}, plugin_version="2", entries={"release": "2"}).lock()
    assert [code for code, _ in moved(old, new)] == ["KP601", "KP602", "KP604", "KP606"]


def test_a_step_that_moved_alone_is_named(spec: FakeSpec) -> None:
    new = spec.lock() | {"steps": {"kb[kg]": "0" * 64, "more": "1" * 64}}
    assert [code for code, _ in moved(spec.lock(), new)] == ["KP607", "KP607"]


def test_a_changed_licence_is_named_and_an_unknown_one_is_not(spec: FakeSpec) -> None:
    unknown, old, new = (
        spec.lock({"kb[kg]": {"licence": name} if name else {}}) for name in ("", "CC0", "CC-BY")
    )
    check_lock(unknown, new)
    check_lock(old, unknown)
    assert moved(old, new) == [("KP605", "licence of kb[kg]: CC0 in the lock, CC-BY here")]


@pytest.mark.parametrize("entries", [ValueError("broken"), {"a": {1, 2}}, {"a": float("nan")}])
def test_a_plugin_whose_entries_fail_does_not_stop_the_lock(spec: FakeSpec, entries: Any) -> None:
    assert "failed" in replace(spec, entries=entries).lock()["entries"]["kg"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 3, "spec": ""}'])
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kp.lock"
    path.write_text(text)
    with pytest.raises(KpError, match=r"kp\.lock is not a lock") as caught:
        read_lock(path)
    assert caught.value.code == "KP600"
    with pytest.raises(KpError):
        read_lock(tmp_path / "absent")
