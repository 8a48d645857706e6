"""Where a run writes, looked at before it trains."""

import json

import pytest


@pytest.mark.parametrize("place", ["taken.json", "taken.json/run"])
def test_a_run_folder_that_cannot_be_is_told_before_anything_is_trained(make_project, place):
    project = make_project(injections=[{"id": "frozen", "type": "none"}], seeds=[0])
    (project.folder / "taken.json").write_text("{}")
    done = project.call("run", "spec.json", "-o", place)
    assert done.code == 1
    assert "KP503" in done.err
    assert "taken.json" in done.err
    assert "host[" not in done.err
    assert (project.folder / "taken.json").read_text() == "{}"


def test_a_control_of_a_row_made_from_another_names_that_row(make_project):
    stage = {"stage": "task", "epochs": 1, "lr": 0.02}
    project = make_project(
        injections=[
            {"id": "frozen", "type": "none"},
            {"id": "one", "type": "map-tuning", "train": stage},
            {"id": "two", "type": "map-tuning", "train": stage, "init": "one"},
            {"id": "two-shuffled", "type": "map-tuning", "train": stage, "init": "one"}
            | {"control": "shuffled"},
            {"id": "one-random", "from": "one", "control": "random"},
        ],
        seeds=[0],
    )
    done = project.call("run", "spec.json", "--json")
    assert done.code == 0, done.err
    rows = {row["injection"]: row["control_of"] for row in json.loads(done.out)["rows"]}
    assert rows == {
        "frozen": None,
        "one": None,
        "two": None,
        "two-shuffled": "two",
        "one-random": "one",
    }


def test_a_bit_that_flipped_in_the_cache_is_found_when_asked_and_the_step_made_again(
    make_project, tmp_path
):
    shared = make_project(injections=[{"id": "frozen", "type": "none"}], seeds=[0])
    project = type(shared)(shared.folder, tmp_path / "home")  # a cache of its own is damaged
    assert project.call("run", "spec.json").code == 0
    metrics = (project.folder / "runs/tiny/metrics.json").read_bytes()
    manifests = (project.home / "cache").rglob("manifest.json")
    hosts = [own for own in manifests if json.loads(own.read_text("utf-8"))["kind"] == "host"]
    for model in (own.with_name("model.safetensors") for own in hosts):
        content = bytearray(model.read_bytes())
        content[-1] ^= 1
        model.write_bytes(content)
    assert "is damaged" not in project.call("run", "spec.json").err
    done = project.call("run", "spec.json", "--verify")
    assert done.code == 0, done.err
    assert "is damaged" in done.err
    assert (project.folder / "runs/tiny/metrics.json").read_bytes() == metrics
