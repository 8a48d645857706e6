"""Read back by MLflow what was written through it."""

import random
import uuid

import pytest

pytest.importorskip("mlflow", reason="mlflow is not installed: pip install mlflow-skinny")


@pytest.fixture(scope="module")
def folder(tracked):
    return tracked


@pytest.fixture(scope="module")
def client(folder):
    from mlflow.tracking import MlflowClient

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        yield MlflowClient(tracking_uri=(folder.parents[1] / "mlruns").as_uri())


@pytest.fixture(scope="module")
def written(client):
    experiment = client.get_experiment_by_name("typing")
    (run,) = client.search_runs([experiment.experiment_id])
    return run


def test_every_option_of_the_spec_is_a_parameter_under_the_path_that_set_takes(written):
    params = written.data.params
    assert params["injections.map-task.train.lr"] == "0.02"
    assert params["seeds"] == "[0]"
    assert params["knowledge.toy.kb.type"] == "triples"
    assert params["run.device"] == "cpu"
    assert len(params["description"]) == 5000
    assert params["description"].endswith("…")


def test_metrics_of_a_row_stand_with_interval_difference_and_dev(written, folder, results_of):
    (row,) = [r for r in results_of(folder)["rows"] if r["injection"] == "map-task"]
    metrics, place = written.data.metrics, "results/map-task/tuned/typing"
    for name, score in row["metrics"].items():
        low, high = score["interval"]
        found = [metrics[f"{place}/{name}{end}"] for end in ("", ".low", ".high", ".dev")]
        assert found == [score["mean"], low, high, row["dev"][0][name]]
    difference = row["difference"]["metrics"]["micro_f1"]
    assert metrics[f"{place}/micro_f1.difference"] == difference["mean"]
    assert metrics[f"{place}/micro_f1.difference.high"] == difference["interval"][1]
    assert "results/frozen/tuned/typing/micro_f1.difference" not in metrics


def test_a_training_is_a_curve_with_a_figure_an_epoch(written, client, folder, results_of):
    (row,) = [r for r in results_of(folder)["rows"] if r["injection"] == "map-task"]
    loss = next(c for c in row["curves"] if c["name"] == "training loss")
    curves = [n for n in written.data.metrics if n.startswith("curves/") and "map-task" in n]
    (name,) = [n for n in curves if n.endswith("/loss")]
    history = client.get_metric_history(written.info.run_id, name)
    assert {h.step: h.value for h in history} == dict(zip(loss["x"], loss["y"], strict=True))


def test_every_step_has_its_seconds_and_says_whether_it_was_reused(written, folder, results_of):
    metrics = written.data.metrics
    steps = [n for n in metrics if n.startswith("steps/") and n.endswith("/seconds")]
    assert len(steps) == len(results_of(folder)["timing"])
    assert all(metrics[n.replace("/seconds", "/reused")] in (0.0, 1.0) for n in steps)


def test_tags_tell_versions_and_the_run_is_finished(written, folder, results_of):
    results = results_of(folder)
    tags = written.data.tags
    assert tags["kpframework.version"] == results["version"]
    for name, version in results["environment"]["plugins"].items():
        assert tags[f"plugin.{name}"] == str(version)
    assert tags["cells.missing"] == "0"
    assert written.info.status == "FINISHED"


def test_results_page_lock_and_spec_are_artifacts(written, client, folder, tmp_path):
    names = {file.path for file in client.list_artifacts(written.info.run_id)}
    assert names == {"results.json", "report.html", "kp.lock", "spec.json"}
    copy = client.download_artifacts(written.info.run_id, "results.json", str(tmp_path))
    with open(copy, "rb") as file:
        assert file.read() == (folder / "results.json").read_bytes()


def test_a_run_that_fails_is_marked_failed_with_its_reason(make_run, monkeypatch):
    from kpframework import KpError
    from kpframework.run import runner

    def fails(*args, **kwargs):
        raise KpError("KP510", "no more space", "free some")

    monkeypatch.setattr(runner, "execute", fails)
    folder = make_run({"type": "mlflow"}, code=1)
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = MlflowClient(tracking_uri=(folder.parents[1] / "mlruns").as_uri())
    (run,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    assert run.info.status == "FAILED"
    assert "no more space" in run.data.tags["reason"]


def test_an_experiment_whose_id_mlflow_fills_up_by_chance_leaves_python_s_generator_alone(
    make_run, monkeypatch
):
    # Of ten digits MLflow draws one in the place of a leading zero.
    monkeypatch.setattr("mlflow.utils.name_utils.uuid.uuid4", lambda: uuid.UUID(int=10**20 + 7))
    before = random.getstate()
    folder = make_run({"type": "mlflow"})
    assert random.getstate() == before
    assert any(own.name.startswith("7") for own in (folder.parents[1] / "mlruns").iterdir())
