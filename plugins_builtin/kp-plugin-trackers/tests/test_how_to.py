"""The page on tracking: its spec is valid, and its names are those that are written."""

import json
import re
from pathlib import Path

import pytest
from kp_plugin_trackers.facts import ARTIFACTS, result_scalars

from kpframework.cli.root import run
from kpframework.testing.project import tiny_project

PAGE = (Path(__file__).parents[3] / "docs/how-to/track-a-run.md").read_text("utf-8")


def test_the_trackers_of_the_page_are_valid(tmp_path, monkeypatch):
    monkeypatch.setenv("KPFRAMEWORK_CONFIG", str(tmp_path / "config"))
    (section,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    spec = tiny_project(tmp_path / "project", **json.loads(section))
    assert run(["validate", str(spec)]) == 0


@pytest.mark.parametrize("file", ARTIFACTS)
def test_every_artifact_is_named_on_the_page(file):
    assert f"`{file}`" in PAGE


def test_the_names_of_figures_are_those_of_the_page():
    score = {"mean": 0.5, "interval": [0.4, 0.6]}
    row = {"injection": "ROW", "host": "HOST", "task": "TASK", "metrics": {"METRIC": score}}
    row |= {"difference": {"metrics": {"METRIC": score}}, "dev": [{"METRIC": 0.5}]}
    names = {own.name for own in result_scalars({"rows": [row]})}
    above = "results/ROW/HOST/TASK/METRIC"
    ends = ("", ".low", ".high", ".difference", ".difference.low", ".difference.high", ".dev")
    assert names == {above + end for end in ends}
    assert f"`{above}`" in PAGE
    assert f"`{above}.difference`" in PAGE
    assert f"`{above}.dev`" in PAGE


def test_a_figure_that_is_not_there_is_left_out():
    score = {"mean": float("nan"), "interval": [None, 0.6]}
    row = {"injection": "r", "host": "h", "task": "t", "metrics": {"m": score}}
    assert [own.name for own in result_scalars({"rows": [row]})] == ["results/r/h/t/m.high"]
