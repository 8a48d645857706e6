"""Weights & Biases, offline; skipped where it is not installed."""

import json

import pytest

pytest.importorskip("wandb", reason="wandb is not installed: pip install -r requirements-long.txt")


@pytest.fixture(scope="module")
def folder(make_run):
    return make_run({"type": "wandb", "project": "typing", "group": "first"})


def records(folder):
    """Return the records of an offline run, as W&B's own reader gives them."""
    from wandb.proto import wandb_internal_pb2
    from wandb.sdk.internal.datastore import DataStore

    (path,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    store = DataStore()
    store.open_for_scan(str(path))
    found = []
    while (data := store.scan_data()) is not None:
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        found.append(record)
    return found


def test_an_offline_run_holds_figures_curves_and_parameters(folder, results_of):
    summary, history, config, runs = {}, [], {}, []
    for record in records(folder):
        kind = record.WhichOneof("record_type")
        if kind == "summary":
            for item in record.summary.update:
                name = item.key or "/".join(item.nested_key)
                summary[name] = json.loads(item.value_json)
        elif kind == "history":
            items = {i.key or "/".join(i.nested_key): i.value_json for i in record.history.item}
            history.append(items)
        elif kind == "run":
            runs.append(record.run)
            for item in record.run.config.update:
                config[item.key] = json.loads(item.value_json)
    assert (runs[0].project, runs[0].run_group) == ("typing", "first")
    assert config["injections.map-task.train.lr"] == "0.02"
    (row,) = [r for r in results_of(folder)["rows"] if r["injection"] == "map-task"]
    place = "results/map-task/tuned/typing/micro_f1"
    assert summary[place] == row["metrics"]["micro_f1"]["mean"]
    assert summary["status"] == "finished"
    epochs = [h for h in history if any("map-task" in n and n.endswith("/loss") for n in h)]
    assert [json.loads(h["epoch"]) for h in epochs] == [1, 2]
