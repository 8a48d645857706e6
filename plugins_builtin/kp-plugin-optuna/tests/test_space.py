"""What a search space may be, and what is told of one that is wrong."""

import optuna
import pytest
from kp_plugin_optuna.objective import Objective
from kp_plugin_optuna.space import read_space

from kpframework import KpError


def test_every_kind_suggests_values_of_its_kind(tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text(
        "a.lr: {float: [1e-4, 1e-2], log: true}\nb.size: {int: [8, 64], step: 8}\n"
        "c.mapper: {categorical: [linear, {type: mlp, hidden: 8}, true]}\n"
    )
    seen = []
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        trial = study.ask()
        seen.append([dimension.suggest(trial) for dimension in read_space(file)])
        study.tell(trial, 0.0)
    rates, sizes, mappers = zip(*seen, strict=True)
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)
    assert set(sizes) <= set(range(8, 65, 8))
    assert len(set(sizes)) > 2
    assert {"type": "mlp", "hidden": 8} in mappers
    assert any(own is True for own in mappers)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a: 3", "has a table"),
        ("a: {float: [1, 2], int: [1, 2]}", "one of float, int, categorical"),
        ("a: {float: [2, 1]}", "lowest and the highest"),
        ("a: {int: [1, 2.5]}", "lowest and the highest"),
        ("a: {int: [1, 2], lgo: true}", "no 'lgo'"),
        ("a: {float: [0, 1], log: true}", "above 0"),
        ("a: {float: [1, 2], log: true, step: 1}", "cannot both"),
        ("a: {int: [1, 2], step: 0}", "above 0"),
        ("a: {categorical: []}", "is a list"),
        ("a: {categorical: [1], log: true}", "no 'log'"),
    ],
)
def test_a_wrong_line_is_told_with_its_place(tmp_path, line, told):
    file = tmp_path / "space.yaml"
    file.write_text(f"right: {{int: [1, 2]}}\n{line}\n")
    with pytest.raises(KpError) as caught:
        read_space(file)
    (problem,) = caught.value.problems
    assert problem.code == "KP885"
    assert told in problem.message
    assert "space.yaml:2:" in problem.where


def row(**changes):
    own = {"injection": "mine", "task": "t", "host": "h", "status": "ok", "metrics": {"f1": {}}}
    return own | {"dev": [{"seed": 0, "f1": 0.5}, {"seed": 1, "f1": 0.7}]} | changes


def run_of(*rows):
    return {"rows": list(rows), "tasks": [{"id": t, "metrics": ["f1", "accuracy"]} for t in "tu"]}


def test_the_value_is_the_mean_over_seeds_on_dev():
    other = row(injection="other", dev=[{"seed": 0, "f1": 0.0}])
    assert Objective("mine").value(run_of(other, row())) == pytest.approx(0.6)


def test_without_a_metric_it_is_the_tasks_first_whatever_the_row_lists_first():
    own = row(metrics={"accuracy": {}, "f1": {}}, dev=[{"seed": 0, "accuracy": 0.9, "f1": 0.5}])
    assert Objective("mine").value(run_of(own)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("rows", "metric", "told"),
    [
        ([row(), row(task="u")], None, "2 cells"),
        ([row(status="failed", error="no space")], None, "no space"),
        ([row()], "accuracy", "no 'accuracy' on dev"),
        ([row(dev=[])], None, "no 'f1' on dev"),
    ],
)
def test_a_run_without_the_figure_is_refused(rows, metric, told):
    with pytest.raises(KpError, match=told) as caught:
        Objective("mine", metric).value(run_of(*rows))
    assert caught.value.code == "KP886"


def test_a_row_or_task_that_the_spec_does_not_have_is_told_before_any_trial():
    spec = {"injections": [{"id": "mine"}], "tasks": [{"id": "t"}, {"id": "u"}], "hosts": []}
    with pytest.raises(KpError, match="no row 'yours'"):
        Objective("yours").check(spec)
    with pytest.raises(KpError, match="one cell"):
        Objective("mine").check(spec)
