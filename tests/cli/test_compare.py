"""Runs joined into one table: real tiny runs, and the differences worked out by hand."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kpframework.cli.root import run
from kpframework.report import external_references
from kpframework.run.resamples import RESAMPLES_FILE
from kpframework.testing.project import tiny_project, tiny_spec

EXAMPLE = Path(__file__).parents[1] / "report" / "results_example.json"
STAGE = {"stage": "task", "epochs": 4, "lr": 0.02, "batch_size": 8}
TYPING = tiny_spec()["tasks"][:1]
RESAMPLES = 200
FEWER = {**TYPING[0], "data": {**TYPING[0]["data"], "test": "typing/fewer.jsonl"}}
Capture = pytest.CaptureFixture[str]


def a_row(name: str, **options: Any) -> dict[str, Any]:
    return {"id": name, "type": "map-tuning", "train": STAGE, **options}


FROZEN = {"id": "frozen", "type": "none"}
RUNS: dict[str, dict[str, Any]] = {
    "first": {"injections": [FROZEN, a_row("map-task")]},
    "second": {"injections": [a_row("map-task", layout="replace"), a_row("names")]},
    "fewer": {"injections": [a_row("probe")], "tasks": [FEWER]},
    "seeds": {"injections": [a_row("map-task")], "tasks": TYPING, "seeds": [0]},
}


def write_fewer(project: Path) -> None:
    """Write test examples of which the last is left out."""
    lines = (project / "typing" / "test.jsonl").read_text("utf-8").splitlines(keepends=True)
    (project / "typing" / "fewer.jsonl").write_text("".join(lines[:-1]), "utf-8")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the runs; they share a cache, so what is equal is made once."""
    home = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(home / "cache"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(home / "config"))
        tiny_project(home / "project")
        write_fewer(home / "project")
        for name, changes in RUNS.items():
            spec = home / "project" / f"{name}.json"
            content = {**tiny_spec(), "name": name, "seeds": [0, 1], **changes}
            spec.write_text(json.dumps(content), "utf-8")
            assert run(["run", str(spec), "-q", "-o", str(home / "runs" / name)]) == 0
        yield home / "runs"


def compared(capsys: Capture, *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["compare", *map(str, arguments), "--format", "json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def row_of(comparison: dict[str, Any], label: str) -> dict[str, Any]:
    return next(row for row in comparison["rows"] if row["label"] == label)


def score_of(comparison: dict[str, Any], label: str, task: str = "typing") -> dict[str, Any]:
    return next(score for score in row_of(comparison, label)["scores"] if score["task"] == task)


def counts(folder: Path, injection: str) -> Any:
    """Return true positives, and predicted plus gold labels: shape (seeds, examples, 2)."""
    seeds: dict[int, list[list[int]]] = {}
    for line in (folder / "results.jsonl").read_text("utf-8").splitlines():
        own = json.loads(line)
        if (own["task"], own["injection"]) == ("typing", injection):
            answer, gold = (
                set(filter(None, own[part].split(", "))) & {"system", "capital"}
                for part in ("decision", "gold")
            )
            both = [len(answer & gold), len(answer) + len(gold)]
            seeds.setdefault(own["seed"], []).append(both)
    return np.array([seeds[seed] for seed in sorted(seeds)])


def by_hand(own: Any, other: Any) -> tuple[float, list[float]]:
    """Return the difference of micro-F1 and its interval, resample by resample."""

    def f1(stats: Any, seeds: Any, examples: Any) -> float:
        sums = [stats[seed][examples].sum(axis=0) for seed in seeds]
        return float(np.mean([2 * hits / whole for hits, whole in sums]))

    seeds, examples = own.shape[:2]
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(0).spawn(2)]
    differences = []
    for _ in range(RESAMPLES):
        drawn = streams[0].integers(0, examples, examples)
        drawn_seeds = streams[1].integers(0, seeds, seeds)
        differences.append(f1(own, drawn_seeds, drawn) - f1(other, drawn_seeds, drawn))
    every = range(seeds), np.arange(examples)
    return f1(own, *every) - f1(other, *every), list(np.quantile(differences, [0.025, 0.975]))


@pytest.mark.parametrize(
    ("label", "folder", "injection"),
    [("names", "second", "names"), ("second:map-task", "second", "map-task")],
)
def test_a_difference_between_runs_is_the_one_worked_out_by_hand(
    runs: Path, capsys: Capture, label: str, folder: str, injection: str
) -> None:
    found = score_of(compared(capsys, runs / "first", runs / "second"), label)
    mean, interval = by_hand(counts(runs / folder, injection), counts(runs / "first", "frozen"))
    assert found["baseline"] == "frozen@tuned"
    assert found["difference"]["mean"] == pytest.approx(mean, abs=1e-12)
    assert found["difference"]["interval"] == pytest.approx(interval, abs=1e-12)
    assert mean != 0


def test_a_difference_inside_a_run_is_the_one_its_results_have(runs: Path, capsys: Capture) -> None:
    comparison = compared(capsys, runs / "first")
    results = json.loads((runs / "first" / "results.json").read_text("utf-8"))
    recorded = results["rows"][1]["difference"]["metrics"]["micro_f1"]
    assert results["rows"][1]["injection"] == "map-task"
    assert score_of(comparison, "map-task")["difference"] == recorded
    assert score_of(comparison, "frozen")["difference"] is None
    # Paired anew from the resamples, the same comes out, with its sign turned.
    turned = score_of(compared(capsys, runs / "first", "--baseline", "map-task"), "frozen")
    low, high = recorded["interval"]
    assert turned["difference"]["mean"] == -recorded["mean"]
    assert turned["difference"]["interval"] == pytest.approx([-high, -low], abs=1e-12)


def test_rows_whose_ids_collide_are_named_with_their_run(runs: Path, capsys: Capture) -> None:
    labels = [row["label"] for row in compared(capsys, runs / "first", runs / "second")["rows"]]
    assert labels == ["frozen", "first:map-task", "second:map-task", "names"]


def test_other_test_examples_are_a_note_and_no_difference(runs: Path, capsys: Capture) -> None:
    comparison = compared(capsys, runs / "first", runs / "fewer")
    assert score_of(comparison, "probe")["mean"] is not None
    assert score_of(comparison, "probe")["difference"] is None
    assert score_of(comparison, "probe", "relations")["status"] == "missing"
    said = "typing: rows of fewer and of first are not compared with each other: the test examples"
    assert any(note.startswith(said) for note in comparison["notes"])


def test_other_seeds_are_a_note_even_where_each_run_has_its_own_baseline(
    runs: Path, capsys: Capture
) -> None:
    pair = (runs / "first", runs / "seeds", "--baseline", "map-task")
    comparison = compared(capsys, *pair)
    assert score_of(comparison, "seeds:map-task")["baseline"] == "seeds:map-task@tuned"
    assert any("the seeds are not the same: 0 and 0, 1" in note for note in comparison["notes"])


def test_resamples_of_another_run_are_not_trusted(
    runs: Path, tmp_path: Path, capsys: Capture
) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(runs / "second", mixed, ignore=shutil.ignore_patterns("hosts", "plugins"))
    shutil.copy(runs / "first" / RESAMPLES_FILE, mixed)
    comparison = compared(capsys, runs / "first", mixed)
    assert score_of(comparison, "names")["difference"] is None
    assert any("second are not of one run" in note for note in comparison["notes"])


@pytest.mark.parametrize("damage", [b"", b"\0" * 40, b"{}", None])
def test_damaged_resamples_are_a_note(
    runs: Path, tmp_path: Path, capsys: Capture, damage: bytes | None
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(runs / "second", broken, ignore=shutil.ignore_patterns("hosts", "plugins"))
    file = broken / RESAMPLES_FILE
    file.write_bytes(file.read_bytes()[:-8] if damage is None else damage)
    comparison = compared(capsys, runs / "first", broken)
    assert score_of(comparison, "names")["difference"] is None
    assert any("cannot read" in note for note in comparison["notes"])


def test_results_without_resamples_have_scores_and_their_own_differences(
    runs: Path, capsys: Capture
) -> None:
    comparison = compared(capsys, EXAMPLE, runs / "first")
    own = score_of(comparison, "quickstart:map-task", "organ-system")
    rows = json.loads(EXAMPLE.read_text("utf-8"))["rows"]
    recorded = next(row for row in rows if row["injection"] == "map-task")["difference"]
    assert own["difference"] == recorded["metrics"]["micro_f1"]
    other = compared(capsys, EXAMPLE, "--baseline", "map-task")
    assert score_of(other, "frozen", "organ-system")["difference"] is None
    assert any(f"quickstart has no {RESAMPLES_FILE}" in note for note in other["notes"])


def test_versions_that_differ_are_a_note(runs: Path, tmp_path: Path, capsys: Capture) -> None:
    results = json.loads((runs / "second" / "results.json").read_text("utf-8"))
    old = tmp_path / "old.json"
    old.write_text(json.dumps(results | {"version": "0.0.9"}), "utf-8")
    notes = compared(capsys, runs / "first", old)["notes"]
    assert any("different versions" in note and "second 0.0.9" in note for note in notes)


def test_hosts_of_one_name_with_other_parameters_are_a_note(
    runs: Path, tmp_path: Path, capsys: Capture
) -> None:
    results = json.loads((runs / "second" / "results.json").read_text("utf-8"))
    for row in results["rows"]:
        for own in row["fingerprint"]:
            own["before"] = own["after"] = "other"
    (tmp_path / "results.json").write_text(json.dumps(results), "utf-8")
    same = compared(capsys, runs / "first", runs / "second")["notes"]
    other = compared(capsys, runs / "first", tmp_path)["notes"]
    said = "typing: host tuned has other parameters in first and second"
    assert not any(said in note for note in same)
    assert any(said in note for note in other)


def test_training_has_a_peak_of_memory_and_what_trains_nothing_has_none(
    runs: Path, capsys: Capture
) -> None:
    comparison = compared(capsys, runs / "first")
    memory = row_of(comparison, "map-task")["memory"]
    # More than the libraries alone, less than any machine here has.
    assert 100e6 < memory["process"] < 64e9
    assert memory["accelerator"] is None
    assert row_of(comparison, "frozen")["memory"] is None
    metrics = json.loads((runs / "first" / "metrics.json").read_text("utf-8"))
    assert all("memory" not in row for row in metrics["rows"])


def test_a_task_and_its_metrics_can_be_chosen(runs: Path, capsys: Capture) -> None:
    chosen = ("--task", "typing", "--metric", "macro_f1", "--metric", "micro_f1")
    comparison = compared(capsys, runs / "first", runs / "second", *chosen)
    columns = [(column["task"], column["metric"]) for column in comparison["columns"]]
    assert columns == [("typing", "macro_f1"), ("typing", "micro_f1")]
    macro, micro = row_of(comparison, "names")["scores"]
    assert macro["difference"] is not None
    assert micro["difference"] is not None
    assert macro["mean"] != micro["mean"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--baseline", "forzen", "Did you mean 'frozen'?"),
        ("--baseline", "second:frozen", "no row of these runs is named 'second:frozen'"),
        ("--baseline", "frozen@lora", "choose from: frozen, frozen@tuned,"),
        ("--task", "typping", "Did you mean 'typing'?"),
        ("--metric", "micro-f1", "Did you mean 'micro_f1'?"),
    ],
)
def test_an_unknown_name_is_an_error_with_a_suggestion(
    runs: Path, capsys: Capture, option: str, value: str, said: str
) -> None:
    assert run(["compare", str(runs / "first"), str(runs / "second"), option, value]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error[KP810]")
    assert said in err


def test_a_baseline_of_one_run_and_host_serves_them_all(runs: Path, capsys: Capture) -> None:
    named = "second:map-task@tuned"
    comparison = compared(capsys, runs / "first", runs / "second", "--baseline", named)
    baselines = {row["label"]: row["scores"][0]["baseline"] for row in comparison["rows"]}
    assert set(baselines.values()) == {named}
    assert score_of(comparison, "second:map-task")["difference"] is None
    assert score_of(comparison, "first:map-task")["difference"] is not None


def test_a_folder_without_results_is_an_error(runs: Path, tmp_path: Path, capsys: Capture) -> None:
    assert run(["compare", str(runs / "first"), str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error[KP801]")


def test_no_run_at_all_is_a_usage_error(capsys: Capture) -> None:
    assert run(["compare"]) == 2
    assert "Missing argument 'RUN" in capsys.readouterr().err


def test_a_run_given_twice_is_shown_once(runs: Path, capsys: Capture) -> None:
    folder = runs / "first"
    capsys.readouterr()
    assert run(["compare", str(folder), str(folder / "results.json"), "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert "is given twice" in shown.err
    assert len(json.loads(shown.out)["runs"]) == 1


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("t.md", "| row | "),
        ("t.csv", "row,run,"),
        ("t.tex", "% first | second"),
        ("t.html", "<!doctype html>"),
        ("t.json", "{"),
        ("t.txt", "first | second"),
    ],
)
def test_a_file_has_the_format_that_its_name_means(
    runs: Path, tmp_path: Path, capsys: Capture, name: str, begin: str
) -> None:
    file = tmp_path / name
    assert run(["compare", str(runs / "first"), str(runs / "second"), "-o", str(file)]) == 0
    text = file.read_text("utf-8").lstrip()
    assert text.startswith(begin)
    assert str(file) in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert name != "t.html" or external_references(text) == []


def test_a_file_of_unknown_ending_or_place_is_an_error(
    runs: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert run(["compare", str(runs / "first"), "-o", str(tmp_path / "t.xyz")]) == 2
    assert "*.xyz" in capsys.readouterr().err
    assert run(["compare", str(runs / "first"), "-o", str(tmp_path / "no" / "t.md")]) == 1
    assert capsys.readouterr().err.startswith("error[KP803]")


def test_csv_is_unrounded_and_its_notes_go_to_stderr(runs: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert run(["compare", str(runs / "first"), str(runs / "fewer"), "--format", "csv"]) == 0
    shown = capsys.readouterr()
    table = list(csv.DictReader(io.StringIO(shown.out)))
    results = json.loads((runs / "first" / "results.json").read_text("utf-8"))
    assert (
        float(table[1]["typing micro_f1 mean"])
        == (results["rows"][1]["metrics"]["micro_f1"]["mean"])
    )
    assert table[2]["typing micro_f1 difference"] == ""
    assert "the test examples are not the same" in shown.err


def test_the_terminal_shows_every_row_and_note(runs: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert run(["compare", str(runs / "first"), str(runs / "second")]) == 0
    out = capsys.readouterr().out
    for said in ("first:map-task", "names", "typing vs frozen", "peak MB", "free", "plug-and-play"):
        assert said in out
