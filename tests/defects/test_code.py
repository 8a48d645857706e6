"""Defects (docs/explanation/defects.md) that are looked for in the source."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from kpframework.cli.root import run
from kpframework.plugins import load
from kpframework.testing.project import tiny_project, tiny_spec

ROOT = Path(__file__).parents[2]
FOLDERS = ("kpframework", "plugins_builtin", "contrib")
DEFECTS = ROOT / "docs" / "explanation" / "defects.md"


@cache
def nodes() -> dict[type[ast.AST], list[tuple[Path, ast.AST]]]:
    """Return every node of every module that is shipped, by its kind."""
    paths = [
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        # Plugins that are broken on purpose are there to be caught.
        if not {"tests", ".venv", "build", "broken-plugins"} & set(path.parts)
    ]
    assert len(paths) > 150
    by_kind: dict[type[ast.AST], list[tuple[Path, ast.AST]]] = defaultdict(list)
    for path in sorted(paths):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            by_kind[type(node)].append((path.relative_to(ROOT), node))
    return by_kind


def found(kind: type[ast.AST]) -> list[tuple[Path, ast.AST]]:
    assert nodes()[kind]
    return nodes()[kind]


def caught(handler: ast.ExceptHandler) -> set[str]:
    """Return the names of what a handler catches; of a bare one, everything."""
    if handler.type is None:
        return {"BaseException"}
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(kind).rpartition(".")[2] for kind in kinds}


def test_d16_no_handler_takes_whatever_went_wrong_for_an_answer():
    loose = []
    for path, node in found(ast.ExceptHandler):
        if not {"Exception", "BaseException"} & caught(node):
            continue
        raises = any(isinstance(own, ast.Raise) for own in ast.walk(node))
        # The reason is kept: named, and used.
        used = node.name is not None and any(
            isinstance(own, ast.Name) and own.id == node.name
            for line in node.body
            for own in ast.walk(line)
        )
        if node.type is None or not (raises or used):
            loose.append(f"{path}:{node.lineno}")
    assert loose == []


def test_d16_a_misspelt_option_is_an_error_and_no_default_is_taken(tmp_path, capsys):
    tasks = [{**tiny_spec()["tasks"][0], "max_lenght": 48}]
    hosts = [{"id": "tuned", "adaptation": {"type": "full", "epoch": 2}}]
    spec = tiny_project(tmp_path, tasks=tasks, hosts=hosts)
    capsys.readouterr()
    assert run(["validate", str(spec)]) == 2
    said = capsys.readouterr().err
    assert "'max_length'" in said
    assert "'epochs'" in said


WATCHES_FOR_PICKLES = "kpframework/testing/conformance/watch.py"
"""Replaces pickle's functions, to tell who calls them."""
LOADERS = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "marshal", "shelve"}


def test_d17_nothing_is_read_or_written_by_pickle():
    wrong = []
    for path, node in found(ast.Import):
        if str(path) != WATCHES_FOR_PICKLES:
            wrong += [f"{path}: {a.name}" for a in node.names if a.name.split(".")[0] in LOADERS]
    for path, node in found(ast.ImportFrom):
        if (node.module or "").split(".")[0] in LOADERS:
            wrong.append(f"{path}: {node.module}")
    for path, node in found(ast.Call):
        called = ast.unparse(node.func)
        if called in {"torch.load", "torch.save"}:
            wrong.append(f"{path}:{node.lineno} {called}")
        if called in {"np.load", "numpy.load"}:
            options = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if options.get("allow_pickle") != "False":
                wrong.append(f"{path}:{node.lineno} {called}")
    assert wrong == []


def test_d19_no_path_in_the_code_climbs_out_of_a_folder():
    wrong = []
    for path, node in found(ast.Constant):
        if isinstance(node.value, str) and re.match(r"(\.\./|/home/|/data/|~/)", node.value):
            wrong.append(f"{path}:{node.lineno} {node.value!r}")
    assert wrong == []


def test_d24_no_function_is_there_twice():
    seen: dict[str, list[str]] = defaultdict(list)
    for path, node in found(ast.FunctionDef):
        body = [own for own in node.body if not _is_text(own)]
        lines = sum((own.end_lineno or 0) - own.lineno + 1 for own in body)
        if lines >= 8:
            text = "\n".join(ast.dump(own) for own in body)
            seen[text].append(f"{path}:{node.lineno} {node.name}")
    copies = [places for places in seen.values() if len(places) > 1]
    assert copies == []


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_d24_one_loop_trains_everything_and_no_model_class_is_copied_or_derived():
    steps = {
        str(path)
        for path, node in found(ast.Call)
        if ast.unparse(node.func).endswith("optimizer.step")
        # The conformance checks take one step to see what it moves; they train nothing.
        and "conformance" not in path.parts
    }
    assert steps == {"kpframework/train/loop.py"}
    derived = [
        f"{path}: {node.name}"
        for path, node in found(ast.ClassDef)
        if any(
            re.search(r"transformers\.|PreTrained|BertModel", ast.unparse(b)) for b in node.bases
        )
    ]
    assert derived == []


BASELINES = {"none", "map-tuning", "fine-tuning-with-mapper", "e-bert", "pelt", "prompt"}
BASELINES |= {"ernie-fusion", "k-adapter"}


def test_d25_every_method_that_is_compared_is_there_and_can_be_loaded():
    registry = load()
    components = [c for c in registry.components() if c.kind in {"injector", "task", "mapper"}]
    assert {c.name for c in components if c.kind == "injector"} >= BASELINES
    for component in components:
        assert callable(registry.load_target(component)), component.qualified


def test_every_published_defect_has_a_test_or_a_reason():
    table = DEFECTS.read_text("utf-8")
    rows = dict(re.findall(r"^\| (D\d+) \| (.+) \|$", table, re.MULTILINE))
    assert list(rows) == [f"D{number}" for number in range(1, 28)]
    tests = {
        node.name
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    for defect, text in rows.items():
        named = re.findall(r"`(test_\w+)`", text)
        assert named, f"{defect} names no test"
        assert set(named) <= tests, f"{defect} names a test that is not there"
        own = f"test_d{int(defect[1:]):02d}_"
        assert {n for n in tests if n.startswith(own)} == {n for n in named if n.startswith(own)}
        assert any(name.startswith(own) for name in named), defect


@pytest.mark.parametrize("name", ["accuracy", "micro_f1"])
def test_d25_every_metric_a_task_names_is_one_it_computes(name):
    import numpy as np
    from kp_plugin_classification.relation import RelationClassification
    from kp_plugin_classification.typing import EntityTyping

    from kpframework.api import Context

    kind = {"accuracy": RelationClassification, "micro_f1": EntityTyping}[name]
    options = SimpleNamespace(multi_label=True, at_least_one=False, threshold="dev")
    task = kind(options, Context(labels=("a", "b")))
    decisions, targets = ([0, 1], [0, 0]) if name == "accuracy" else ([[0], [1]], [[0], [0]])
    scores = task.score(task.statistics(decisions, targets).sum(0))
    assert set(task.metrics) == set(scores)
    assert task.metrics[0] == name
    assert float(scores[name]) == pytest.approx(0.5)
    assert np.isfinite(list(scores.values())).all()
