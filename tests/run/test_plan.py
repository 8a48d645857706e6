"""Keys change exactly when a result may, and rows share what they can."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kpframework.plugins import load
from kpframework.run.plan import Plan, make_plan
from kpframework.run.row_plan import saved_names
from kpframework.run.step import Step
from kpframework.spec import load_spec
from kpframework.testing.project import tiny_project, tiny_spec, write_fewrel

GENERAL = {"stage": "general", "corpus": "descriptions", "epochs": 1}
TASK = {"stage": "task", "epochs": 1}
FROZEN = {"id": "frozen", "type": "none"}

MakePlan = Callable[..., Plan]


def tuned(name: str, stage: dict[str, Any] = TASK, **options: Any) -> dict[str, Any]:
    return {"id": name, "type": "map-tuning", "train": stage, **options}


HELD_OUT = {
    **tiny_spec()["knowledge"][0],
    "id": "held-out",
    "exclude": {"task": "relations", "match": "pair"},
    "embeddings": {"type": "transe", "dim": 8},
}
ROWS = [
    FROZEN,
    tuned("general", GENERAL, knowledge="names"),
    tuned("task", init="general", knowledge="names"),
    tuned("shuffled", init="general", knowledge="names", control="shuffled"),
    tuned("held-out", knowledge="held-out"),
    {"id": "relinked", "from": "task", "knowledge": "toy"},
]
WHOLE = {"knowledge": [*tiny_spec()["knowledge"], HELD_OUT], "injections": ROWS}


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPFRAMEWORK_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("KPFRAMEWORK_PLUGINS", raising=False)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    tiny_project(folder, **WHOLE)
    return folder


@pytest.fixture(scope="module")
def registry() -> Any:
    return load()


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project"))


@pytest.fixture
def plan_of(folder: Path, registry: Any) -> MakePlan:
    """Return the plan of the project, with changes to its spec."""

    def make(at: Path = folder, **changes: Any) -> Plan:
        content = json.loads((at / "spec.json").read_text("utf-8"))
        (at / "changed.json").write_text(json.dumps({**content, **changes}), "utf-8")
        return make_plan(load_spec(at / "changed.json", registry=registry))

    return make


def keys(plan: Plan) -> dict[str, str]:
    return {step.name: step.key for step in plan.steps}


def changed(before: Plan, after: Plan) -> set[str]:
    """Return the names of steps, in both plans, whose keys differ."""
    old, new = keys(before), keys(after)
    return {name for name in old.keys() & new.keys() if old[name] != new[name]}


def kinds(names: set[str]) -> set[str]:
    return {name.partition("[")[0] for name in names}


def ancestors(step: Step) -> Iterator[Step]:
    for parent in step.inputs.values():
        yield parent
        yield from ancestors(parent)


def step(plan: Plan, name: str) -> Step:
    return next(own for own in plan.steps if own.name == name)


def test_every_step_comes_once_and_after_its_inputs(plan_of):
    plan = plan_of(seeds=[0, 1])
    seen: set[str] = set()
    for own in plan.steps:
        assert own.name not in seen
        assert {parent.name for parent in own.inputs.values()} <= seen
        seen.add(own.name)


def test_there_is_a_cell_for_each_row_host_and_task(plan_of):
    hosts = [{"id": name, "adaptation": {"type": "full"}} for name in ("a", "b")]
    plan = plan_of(hosts=hosts, seeds=[0, 1, 2])
    assert len({(c.row, c.host, c.task) for c in plan.cells}) == len(plan.cells) == 6 * 2 * 2
    assert all(len(c.evaluations) == len(c.trained) == 3 for c in plan.cells)


class TestKeysStay:
    def test_wherever_the_project_lies(self, plan_of, folder, tmp_path):
        moved = Path(shutil.copytree(folder, tmp_path / "far" / "away"))
        assert keys(plan_of()) == keys(plan_of(at=moved))

    def test_whatever_rows_are_called_and_in_which_order_they_stand(self, plan_of):
        names = {"general": "x", "task": "a", "shuffled": "b", "held-out": "c", "relinked": "d"}
        rows = []
        for own in reversed(ROWS[1:]):
            row = {**own, "id": names[own["id"]]}
            row |= {key: names[row[key]] for key in ("init", "from") if key in row}
            rows.append(row)
        before, after = plan_of(), plan_of(injections=[FROZEN, *rows])
        assert set(keys(before).values()) == set(keys(after).values())

    @pytest.mark.parametrize(
        "changes",
        [
            {"name": "other", "description": "Other words."},
            {"run": {"device": "cpu", "threads": 1, "keep_going": True}},
            {"compare": {"resamples": 100, "baseline": "task"}},
        ],
    )
    def test_whatever_changes_no_result(self, plan_of, changes):
        assert keys(plan_of()) == keys(plan_of(**changes))

    def test_of_the_steps_there_are_when_a_seed_is_added(self, plan_of):
        before, after = plan_of(seeds=[0]), plan_of(seeds=[0, 1])
        assert keys(before).items() <= keys(after).items()

    def test_of_other_rows_when_one_is_added(self, plan_of):
        before = plan_of(injections=[FROZEN, tuned("task")])
        after = plan_of(injections=[tuned("more", layout="replace"), FROZEN, tuned("task")])
        assert keys(before).items() <= keys(after).items()

    def test_of_the_language_model_however_rows_over_two_corpora_are_ordered(self, plan_of):
        corpora = [{"id": "one", "kb": "toy"}, {"id": "two", "task": "typing"}]
        rows = [tuned(c["id"], {**GENERAL, "corpus": c["id"]}, knowledge="names") for c in corpora]
        before = plan_of(corpora=corpora, injections=[FROZEN, *rows])
        after = plan_of(corpora=corpora, injections=[FROZEN, *reversed(rows)])
        assert keys(before) == keys(after)
        assert step(before, "masked-lm").inputs["corpus"].name == "corpus[one/names]"


class TestKeysChange:
    def test_with_the_seed_of_everything_that_is_trained(self, plan_of):
        before, after = plan_of(seeds=[0]), plan_of(seeds=[1])
        assert not {
            key
            for name, key in keys(before).items()
            if key in keys(after).values()
            and kinds({name}) & {"host", "train", "evaluate", "masked-lm", "embeddings"}
        }
        same = changed(before, after) & {name for name in keys(before) if "seed" not in name}
        assert kinds(same) == {"masked-lm", "embeddings"}

    def test_with_an_option_of_a_row_in_that_row_alone(self, plan_of):
        rows = [row if row["id"] != "task" else {**row, "layout": "replace"} for row in ROWS]
        before, after = plan_of(), plan_of(injections=rows)
        names = {name.partition("/")[0] for name in changed(before, after)}
        assert names == {"train[task", "evaluate[task", "evaluate[relinked"}

    def test_with_an_option_of_the_backbone_or_of_the_host(self, plan_of):
        host = {"id": "tuned", "adaptation": {"type": "full", "epochs": 3}}
        assert kinds(changed(plan_of(), plan_of(hosts=[host]))) == {"host", "train", "evaluate"}

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_with_a_file_of_a_task_in_that_task_alone(self, plan_of, folder, split):
        before = plan_of()
        keys(before)
        edit(folder / "typing" / f"{split}.jsonl")
        names = changed(before, plan_of())
        assert all("/typing" in name or "[typing]" in name for name in names)
        # What reads the test alone is made anew where the test alone is another.
        tested = {"test", "links-test", "leaks", "evaluate"}
        trained = {"examples", "links", "host", "train"}
        assert kinds(names) == (tested if split == "test" else tested | trained)

    def test_with_the_knowledge_base_in_what_reads_it(self, plan_of, folder):
        before = plan_of()
        keys(before)
        edit(folder / "kb" / "labels.json")
        names = changed(before, plan_of())
        assert "kb[toy]" in names
        assert not kinds(names) & {"examples", "test", "host"}
        assert not any(name.startswith("evaluate[frozen") for name in names)

    def test_with_the_weights_of_the_backbone(self, plan_of, folder):
        before = plan_of()
        keys(before)
        path = folder / "backbone" / "model.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
        names = kinds(changed(before, plan_of()))
        assert names == {"host", "masked-lm", "train", "evaluate"}

    def test_with_a_users_checkpoint_in_place_of_an_adaptation(self, plan_of, folder):
        shutil.copytree(folder / "backbone", folder / "mine")
        config = folder / "mine" / "config.json"
        saved = json.loads(config.read_text())
        saved["architectures"] = ["BertForSequenceClassification"]
        config.write_text(json.dumps(saved))
        hosts = [{"id": "tuned", "checkpoint": "mine"}]
        before = plan_of(hosts=hosts)
        keys(before)
        (folder / "mine" / "note.txt").write_text("changed")
        names = changed(before, plan_of(hosts=hosts))
        assert kinds(names) == {"train", "evaluate"}
        assert "train[general/seed0]" not in names


class TestSharing:
    def test_a_general_row_is_trained_once_for_all_hosts_and_tasks(self, plan_of):
        hosts = [{"id": name, "adaptation": {"type": "full"}} for name in ("a", "b")]
        plan = plan_of(hosts=hosts)
        trained = {cell.trained[0].key for cell in plan.cells if cell.row == "general"}
        assert len(trained) == 1
        general = step(plan, "train[general/seed0]")
        assert set(general.inputs) == {"table", "corpus", "mlm"}
        assert len([s for s in plan.steps if s.name.startswith("train[task/")]) == 4

    def test_a_control_shares_everything_but_the_table(self, plan_of):
        plan = plan_of()
        for kind in ("train", "evaluate"):
            own = step(plan, f"{kind}[task/tuned/typing/seed0]")
            control = step(plan, f"{kind}[shuffled/tuned/typing/seed0]")
            differ = {
                name for name in own.inputs if own.inputs[name].key != control.inputs[name].key
            }
            assert differ == ({"table"} if kind == "train" else {"table", "train"})
            assert own.params == control.params
        table = control.inputs["table"]
        assert table.inputs["table"] is own.inputs["table"]

    def test_a_row_from_another_trains_nothing(self, plan_of):
        plan = plan_of()
        assert not [s for s in plan.steps if s.name.startswith("train[relinked")]
        own = step(plan, "evaluate[relinked/tuned/typing/seed0]")
        assert own.inputs["train"].name == "train[task/tuned/typing/seed0]"
        assert own.inputs["links"].name == "links[toy/typing]"

    def test_init_hands_over_the_tensors_of_the_same_seed(self, plan_of):
        plan = plan_of(seeds=[0, 1])
        for seed in (0, 1):
            own = step(plan, f"train[task/tuned/relations/seed{seed}]")
            assert own.inputs["init"].name == f"train[general/seed{seed}]"

    def test_knowledge_sections_that_differ_in_the_linker_share_base_and_vectors(self, plan_of):
        plan = plan_of()
        assert step(plan, "kb[toy]").key == step(plan, "kb[names]").key
        assert step(plan, "embeddings[toy]").key == step(plan, "embeddings[names]").key
        assert step(plan, "links[toy/typing]").key != step(plan, "links[names/typing]").key


class TestTasksThatDifferInTheirTestAlone:
    """Options marked `OnlyTest`: one training, several test settings."""

    REST = {  # noqa: RUF012  # no test changes it
        "injections": [FROZEN, tuned("task", knowledge="names")],
        "knowledge": tiny_spec()["knowledge"],
    }

    def tasks(self, folder: Path, **changes: Any) -> list[dict[str, Any]]:
        write_fewrel(folder / "fewrel")
        (folder / "fewrel" / "other.json").write_text((folder / "fewrel/test.json").read_text())
        common = {
            "type": "few-shot-relation",
            "data": {split: f"fewrel/{split}.json" for split in ("train", "dev", "test")},
            "train": {"ways": 2, "queries": 2, "episodes": 3},
        }
        small = {"ways": 2, "queries": 2, "episodes": 3}
        return [
            {**common, "id": "2w1s", "test": small},
            {**common, "id": "3w2s", "test": {**small, "ways": 3, "shots": 2}, **changes},
        ]

    def same(self, plan: Plan) -> set[str]:
        """Return the steps of the second task that have the key of the first's."""
        own = keys(plan)
        return kinds({name for name in own if "3w2s" in name and own[name] == own.get(
            name.replace("3w2s", "2w1s"))})  # fmt: skip

    def test_share_their_training_examples_hosts_and_rows(self, plan_of, folder):
        plan = plan_of(tasks=self.tasks(folder), **self.REST)
        assert self.same(plan) == {"examples", "links", "host", "train"}

    def test_share_them_whatever_file_they_are_scored_on(self, plan_of, folder):
        data = {"train": "fewrel/train.json", "dev": "fewrel/dev.json", "test": "fewrel/other.json"}
        plan = plan_of(tasks=self.tasks(folder, data=data), **self.REST)
        assert self.same(plan) == {"examples", "links", "host", "train"}

    def test_read_a_changed_test_file_without_training_anew(self, plan_of, folder):
        tasks = self.tasks(folder)
        before = plan_of(tasks=tasks, **self.REST)
        keys(before)
        path = folder / "fewrel" / "test.json"
        path.write_text(path.read_text("utf-8").replace("1967", "1968"), "utf-8")
        after = plan_of(tasks=tasks, **self.REST)
        assert kinds(changed(before, after)) == {"test", "links-test", "leaks", "evaluate"}

    @pytest.mark.parametrize(
        "change", [{"train": {"ways": 2, "queries": 2, "episodes": 4}}, {"max_length": 64}]
    )
    def test_share_nothing_that_another_option_concerns(self, plan_of, folder, change):
        plan = plan_of(tasks=self.tasks(folder, **change), **self.REST)
        assert self.same(plan) == set()

    def test_share_nothing_when_training_files_differ(self, plan_of, folder):
        data = {"train": "fewrel/dev.json", "dev": "fewrel/dev.json", "test": "fewrel/test.json"}
        plan = plan_of(tasks=self.tasks(folder, data=data), **self.REST)
        assert self.same(plan) == set()


class TestTestData:
    def test_are_read_by_evaluation_linking_and_leakage_control_alone(self, plan_of):
        plan = plan_of()
        readers = {
            own.name
            for own in plan.steps
            if {"test", "links-test"} & {p.name.partition("[")[0] for p in own.inputs.values()}
        }
        assert kinds(readers) == {"evaluate", "links-test", "exclude", "leaks"}

    def test_reach_no_training_but_that_of_vectors_without_leaks(self, plan_of):
        for own in plan_of().steps:
            if own.kind in {"train", "host", "corpus"}:
                tests = [s for s in ancestors(own) if s.name.startswith("test[")]
                assert not tests or "held-out" in own.name

    def test_are_not_read_where_leakage_control_looks_at_other_splits(self, plan_of):
        section = {**HELD_OUT, "exclude": {**HELD_OUT["exclude"], "splits": ["train", "dev"]}}
        plan = plan_of(knowledge=[*tiny_spec()["knowledge"], section])
        assert set(step(plan, "exclude[held-out]").inputs) == {"kb", "examples"}

    @pytest.mark.parametrize(
        ("row", "read"),
        [
            (tuned("row", knowledge="toy"), "kb[toy]"),
            (tuned("row", knowledge="held-out"), "exclude[held-out]"),
            # It makes its vectors itself: nothing is excluded from what it reads.
            (
                {"id": "row", "type": "pelt", "corpus": "descriptions", "knowledge": "held-out"},
                "kb[held-out]",
            ),
        ],
        ids=["no exclusion", "exclusion", "an exclusion that the row does not meet"],
    )
    def test_leaks_are_counted_first_in_what_the_rows_read(self, plan_of, row, read):
        plan = plan_of(injections=[FROZEN, row])
        counts = step(plan, f"leaks[{row['knowledge']}/typing]")
        assert counts.inputs["kb"].name == read
        names = [own.name for own in plan.steps]
        assert ("exclude[held-out]" in names) == (read == "exclude[held-out]")
        assert not {"train", "host"} & kinds(names[: names.index(counts.name)])


def edit(path: Path) -> None:
    """Change a word in a file, so that its size stays."""
    text = path.read_text("utf-8")
    assert "fingers" in text
    path.write_text(text.replace("fingers", "figners", 1), "utf-8")


def test_saved_plugins_are_named_by_what_tells_them_apart():
    one, two, three = Path("/a/x/map"), Path("/b/x/map"), Path("/b/x/umls")
    assert saved_names([one, None, three, one]) == {one: "saved:map", three: "saved:umls"}
    assert saved_names([one, two]) == {one: "saved:a/x/map", two: "saved:b/x/map"}
