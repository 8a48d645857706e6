"""One spec, one command: what a run prints, writes, reuses and refuses."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from transformers import AutoModelForSequenceClassification

from kpframework.testing.distributions import broken_plugins
from kpframework.testing.project import ENTITIES, entity_name, tiny_spec

ROWS = ["frozen", "probe", "general", "map-task", "replace", "shuffled", "relinked", "held-out"]
RUN = "runs/tiny"
STAGE = {"stage": "task", "epochs": 1, "lr": 0.02}
TYPING = tiny_spec()["tasks"][:1]
RELATIONS = tiny_spec()["tasks"][1:]


def one_row(**options: Any) -> list[dict[str, Any]]:
    return [
        {"id": "frozen", "type": "none"},
        {"id": "map-task", "type": "map-tuning", "train": STAGE, **options},
    ]


def row(results: dict[str, Any], name: str, task: str = "typing") -> dict[str, Any]:
    return next(r for r in results["rows"] if (r["injection"], r["task"]) == (name, task))


def score(results: dict[str, Any], name: str) -> float:
    return float(row(results, name)["metrics"]["micro_f1"]["mean"])


@pytest.fixture(scope="module")
def first(table):
    """The whole table, run in a process of its own."""
    done = table.command("run", "spec.json")
    assert done.code == 0, done.err
    return done


@pytest.fixture(scope="module")
def results(table, first) -> dict[str, Any]:
    return table.results()


class TestTheWholeTable:
    def test_is_on_standard_output_and_nothing_else_is(self, first):
        lines = first.out.splitlines()
        for name in ROWS:
            assert any(line.startswith(name) for line in lines), name
        assert f"{RUN}/report.html" in first.out
        assert "Traceback" not in first.err
        assert "Warning" not in first.err

    def test_pictures_where_entities_lie_where_a_row_has_vectors_for_one_mention(self, results):
        pictured = {(r["injection"], r["task"]) for r in results["rows"] if r["space"]}
        assert ("map-task", "typing") in pictured
        assert not {("frozen", "typing"), ("probe", "typing")} & pictured
        assert not {task for _, task in pictured} - {"typing"}

    def test_leaves_every_file_of_a_run(self, table, results):
        folder = table.folder / RUN
        files = {path.name for path in folder.iterdir()}
        assert files == {
            "results.json", "results.jsonl", "metrics.json", "spec.json", "kp.lock",
            "resamples.safetensors", "report.html", "hosts", "plugins",
        }  # fmt: skip
        # The general row is one for both tasks; the frozen and the reused row train nothing.
        assert {path.name for path in (folder / "plugins").iterdir()} == {
            *(f"{name}--{task}--seed{seed}"
              for name in ("probe", "map-task", "replace", "shuffled", "held-out")
              for task in ("typing", "relations") for seed in (0, 1)),
            "general--seed0", "general--seed1",
        }  # fmt: skip
        for plugin in (folder / "plugins").iterdir():
            assert {"kp_config.json", "kp_model.safetensors", "README.md", "kb", "entities"} == {
                path.name for path in plugin.iterdir()
            }

    def test_has_a_line_for_every_row_seed_and_test_example(self, table, results):
        text = (table.folder / RUN / "results.jsonl").read_text("utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        assert len(lines) == len(ROWS) * 2 * (37 + 24)
        probe = ("probe", "relations", 1)
        own = [e for e in lines if (e["injection"], e["task"], e["seed"]) == probe]
        correct = [e["correct"] for e in own]
        per_seed = row(results, "probe", "relations")["metrics"]["accuracy"]["per_seed"]
        assert sum(correct) / len(correct) == pytest.approx(per_seed[1], abs=1e-12)

    def test_leaves_every_host_as_it_was(self, results):
        for own in results["rows"]:
            assert own["plug_and_play"], own["injection"]
            assert [p["seed"] for p in own["fingerprint"]] == [0, 1]
            assert all(p["before"] == p["after"] for p in own["fingerprint"])
        hosts = {
            (own["task"], p["seed"], p["before"])
            for own in results["rows"]
            for p in own["fingerprint"]
        }
        assert len(hosts) == 4, "all rows of a task and seed sit on one host"

    def test_leaves_the_frozen_hosts_for_transformers_to_load(self, table, results):
        from kpframework.inject.freezing import fingerprint

        folder = table.folder / RUN / "hosts"
        names = {
            f"tuned--{task}--seed{seed}" for task in ("typing", "relations") for seed in (0, 1)
        }
        assert {path.name for path in folder.iterdir()} == names
        model = AutoModelForSequenceClassification.from_pretrained(folder / "tuned--typing--seed1")
        assert model.config.id2label == {0: "capital", 1: "system"}
        used = {p["seed"]: p["after"] for p in row(results, "map-task")["fingerprint"]}
        assert fingerprint(model) == used[1]

    def test_tells_vectors_that_say_something_from_vectors_that_do_not(self, results):
        assert score(results, "probe") > score(results, "frozen") + 0.1
        assert score(results, "replace") > score(results, "shuffled")
        assert row(results, "shuffled")["control"] == "shuffled"

    def test_scores_what_the_knowledge_base_covers_apart(self, results):
        subsets = {s["name"]: s["count"] for s in row(results, "frozen")["subsets"]}
        assert subsets == {"in KB": 36, "not in KB": 1}
        coverage = row(results, "replace")["coverage"]
        assert coverage == {"mentions": 37, "linked": 36, "with_vector": 36}

    def test_counts_what_was_cut_and_what_knowledge_was_kept_for_every_row(self, results):
        for own in results["rows"]:
            counted = own["truncation"]
            assert counted["inputs"] > 0
            assert counted["cut"] >= counted["cut_without_knowledge"]
            asked = counted["knowledge"]
            assert asked["kept"] <= asked["wanted"]
            assert bool(asked["wanted"]) == (own["injection"] != "frozen")
        (read,) = row(results, "map-task")["trained_on"]
        assert (read["of"], read["kept"]) == ("examples", read["read"] - read["without_entity"])

    def test_reuses_a_trained_row_with_another_linker(self, results):
        own, origin = row(results, "relinked"), row(results, "replace")
        assert (own["knowledge"], origin["knowledge"]) == ("names", "toy")
        assert own["parameters"] == origin["parameters"] > 0
        assert not any(name.startswith("relinked/") for name in results["plugins"])

    def test_drops_leaking_triples_before_the_vectors_are_trained(self, results):
        held_out = next(k for k in results["knowledge"] if k["id"] == "held-out")
        assert held_out["kb"]["triples"] - held_out["excluded"]["triples"] > 12
        assert held_out["excluded"]["excluded"] > 12
        assert 12 < held_out["excluded"]["checked"] <= held_out["excluded"]["instances"]
        tested = held_out["excluded"]["leaking_test_instances"]
        assert 0 < tested < held_out["excluded"]["leaking_instances"]
        assert held_out["embeddings"]["rows"] == ENTITIES + 2
        assert "mrr" in held_out["embeddings"]["metrics"]

    def test_fits_a_language_model_head_where_the_backbone_has_none(self, results):
        assert results["backbone"]["mlm_head"] == "fitted"
        assert results["backbone"]["mlm"]["encoder_unchanged"]

    def test_shows_examples_whose_answer_changed_with_the_entities_they_saw(self, results):
        shown = results["examples"]
        assert shown
        assert {"helped", "harmed", "changed"} >= {example["outcome"] for example in shown}
        assert all(example["with"] != example["without"] for example in shown)
        assert all(mention["name"] for example in shown for mention in example["mentions"])

    def test_reuses_every_step_and_repeats_every_metric_when_locked(self, table, first):
        again = table.call("run", "spec.json", "-o", "again", "--lock", f"{RUN}/kp.lock", "--json")
        assert again.code == 0, again.err
        results = json.loads(again.out)
        assert results == table.results("again")
        assert all(step["reused"] for step in results["timing"])
        files = ["metrics.json", "results.jsonl", "spec.json", "kp.lock"]
        files += [f"plugins/{name}/{file}" for name in ("map-task--typing--seed1", "general--seed0")
                  for file in ("kp_model.safetensors", "kp_config.json")]  # fmt: skip
        for file in files:
            assert (table.folder / "again" / file).read_bytes() == (
                table.folder / RUN / file
            ).read_bytes(), file

    def test_refuses_a_lock_whose_data_moved(self, table, first, tmp_path):
        moved = type(table)(tmp_path / "moved", table.home)
        shutil.copytree(table.folder, moved.folder)
        dev = moved.folder / "typing" / "dev.jsonl"
        dev.write_text(dev.read_text("utf-8").replace("fingers", "finger", 1), "utf-8")
        done = moved.call("run", "spec.json", "-o", "new", "--lock", f"{RUN}/kp.lock")
        assert done.code == 4
        assert "KP604" in done.err
        assert "dev.jsonl" in done.err
        assert "KP607" not in done.err
        assert not (moved.folder / "new").exists()

    def test_runs_elsewhere_under_the_same_lock(self, table, first, tmp_path):
        moved = type(table)(tmp_path / "elsewhere", table.home)
        shutil.copytree(table.folder, moved.folder)
        done = moved.call("run", "spec.json", "-o", "new", "--lock", f"{RUN}/kp.lock", "--json")
        assert done.code == 0, done.err
        assert all(step["reused"] for step in json.loads(done.out)["timing"])

    def test_is_all_cached_in_the_plan(self, table, first):
        done = table.call("plan", "spec.json")
        assert done.code == 0
        assert "to run" not in done.out.rpartition("\n\n")[0]
        assert ", 0 to run; 16 cells" in done.out

    def test_spec_with_defaults_written_out_is_the_same_spec(self, table, first):
        filled = table.folder / "filled.json"
        shutil.copy(table.folder / RUN / "spec.json", filled)
        plan = json.loads(table.call("plan", "filled.json", "--json").out)
        assert all(step["cached"] for step in plan["steps"])


class TestExplain:
    def test_prints_mentions_slots_and_both_answers(self, table, first):
        done = table.call(
            "explain", "spec.json", "--row", "map-task", "--span", entity_name(3),
            "--text", f"The patient has {entity_name(3)}.",
        )  # fmt: skip
        assert done.code == 0, done.err
        lines = dict(line.split(maxsplit=1) for line in done.out.splitlines())
        assert set(lines) == {"text", "mention", "tokens", "slots", "without", "with"}
        assert lines["slots"].startswith("1 at")

    def test_links_the_text_where_no_span_is_named(self, table, first):
        done = table.call(
            "explain",
            "spec.json",
            "--row",
            "relinked",
            "--text",
            f"Jean has a {entity_name(0)}.",
            "--json",
        )
        assert done.code == 0, done.err
        answer = json.loads(done.out)
        assert [(m["entity"], m["vector"]) for m in answer["mentions"]] == [("E0", True)]
        assert answer["slots"] == 1
        assert answer["without"]
        assert answer["with"]

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["--row", "nope", "--text", "a"], "KP780"),
            (["--row", "frozen", "--text", "a"], "KP780"),
            (["--text", "Paris.", "--span", "Lyon"], "KP781"),
            (["--text", "Nothing here."], "KP781"),
            (["--task", "relations", "--text", "Jean has a pen.", "--span", "pen"], "KP624"),
        ],
    )
    def test_says_what_is_wrong_with_a_question(self, table, first, arguments, code):
        done = table.call("explain", "spec.json", *arguments)
        assert done.code in {1, 2}
        assert code in done.err


def test_a_plan_runs_nothing_and_says_so(make_project, tmp_path):
    project = make_project(name="planned")
    project = type(project)(project.folder, tmp_path / "home")
    done = project.call("plan", "spec.json")
    assert done.code == 0, done.err
    steps, takes, summary = done.out.strip().split("\n\n")
    assert all(line.endswith("to run") for line in steps.splitlines())
    assert {line.split()[0] for line in takes.splitlines()} == {"download", "host", "kb", "table"}
    assert summary.endswith("4 cells of the table")
    assert not list((tmp_path / "home" / "cache").glob("*/*/*"))


FAILING = {
    "id": "failing",
    "type": "map-tuning",
    # The annotated linker finds nothing in descriptions, which carry no annotation.
    "train": {"stage": "general", "corpus": "descriptions", "epochs": 1},
}


def test_a_failing_row_ends_the_run_with_its_reason(make_project):
    project = make_project(injections=[*one_row(), FAILING], tasks=TYPING)
    done = project.call("run", "spec.json")
    assert done.code == 1
    assert "KP741" in done.err
    assert "Traceback" not in done.err
    assert not (project.folder / RUN / "results.json").exists()


def test_with_keep_going_the_other_rows_are_finished(make_project):
    project = make_project(
        injections=[*one_row(), FAILING], tasks=TYPING, run={"keep_going": True, "threads": 1}
    )
    done = project.call("run", "spec.json")
    assert done.code == 1, "a script must notice that a row is missing"
    results = project.results()
    assert [(r["injection"], r["status"]) for r in results["rows"]] == [
        ("frozen", "ok"), ("map-task", "ok"), ("failing", "skipped"),
    ]  # fmt: skip
    assert "no linked mention" in row(results, "failing")["error"]
    assert "failing" in done.out
    assert "Traceback" not in done.err
    assert (project.folder / RUN / "report.html").is_file()


def test_a_count_of_leaks_that_fails_costs_no_row_and_is_told(make_project, tmp_path, monkeypatch):
    def fail(context):
        raise ValueError("no such field")

    monkeypatch.setattr("kpframework.run.steps.knowledge.count_leaks", fail)
    options = {"keep_going": True, "threads": 1}
    project = make_project(injections=one_row(), tasks=TYPING, run=options)
    project = type(project)(project.folder, tmp_path / "home")  # where none was counted before
    done = project.call("run", "spec.json")
    assert done.code == 0, done.err
    assert {row["status"] for row in project.results()["rows"]} == {"ok"}
    assert "leaks of typing were not counted: leaks[toy/typing]: " in done.out
    assert "no such field" in done.out


def test_plugins_that_are_broken_do_not_stop_a_spec_that_needs_none_of_them(make_project, tmp_path):
    broken_plugins(tmp_path / "site", sleep_seconds=0.2)
    project = make_project(injections=one_row(mapper={"type": "mlp", "hidden": 8}), tasks=TYPING)
    done = project.command("run", "spec.json", PYTHONPATH=str(tmp_path / "site"))
    assert done.code == 0, done.err
    assert "map-task" in done.out
    assert "Traceback" not in done.err


def test_wrong_data_is_told_with_file_and_line(make_project):
    project = make_project(injections=one_row(), tasks=TYPING)
    test = project.folder / "typing" / "test.jsonl"
    test.write_text(test.read_text("utf-8") + '{"text": 3}\n', "utf-8")
    done = project.call("run", "spec.json")
    assert done.code == 1
    assert "KP620" in done.err
    assert "test.jsonl:38" in done.err
