"""Read back by TensorBoard's own reader what was written."""

import json

import pytest

reading = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator",
    reason="tensorboard is not installed: pip install tensorboard",
)


@pytest.fixture(scope="module")
def folder(tracked):
    return tracked


@pytest.fixture(scope="module")
def events(folder):
    (own,) = (folder / "tensorboard").iterdir()
    accumulator = reading.EventAccumulator(str(own), {reading.TENSORS: 0, reading.SCALARS: 0})
    accumulator.Reload()
    return accumulator


def text(events, tag):
    (event,) = events.Tensors(f"{tag}/text_summary")
    return json.loads(event.tensor_proto.string_val[0])


def test_figures_are_those_of_the_results(events, folder, results_of):
    for row in results_of(folder)["rows"]:
        for name, score in row["metrics"].items():
            tag = f"results/{row['injection']}/tuned/typing/{name}"
            (event,) = events.Scalars(tag)
            assert event.value == pytest.approx(score["mean"], rel=1e-6)
            (low,) = events.Scalars(f"{tag}.low")
            assert low.value == pytest.approx(score["interval"][0], rel=1e-6, abs=1e-9)


def test_a_training_is_a_curve_by_epoch(events):
    tags = [t for t in events.Tags()["scalars"] if t.startswith("curves/") and "map-task" in t]
    (loss,) = [tag for tag in tags if tag.endswith("/loss")]
    assert [event.step for event in events.Scalars(loss)] == [1, 2]


def test_parameters_tags_and_files_are_texts(events, folder):
    assert text(events, "params")["injections.map-task.train.lr"] == "0.02"
    assert text(events, "tags")["status"] == "finished"
    assert text(events, "artifacts")["report.html"] == str(folder / "report.html")


def test_two_runs_in_one_folder_are_told_apart(tmp_path):
    from kp_plugin_trackers.config import TensorBoardConfig
    from kp_plugin_trackers.tensorboard_tracker import TensorBoardTracker

    for _ in range(2):
        tracker = TensorBoardTracker(TensorBoardConfig(log_dir=str(tmp_path)), None)
        tracker.run_started({}, {"name": "tiny", "folder": str(tmp_path)})
        tracker.run_failed("no more space")
    assert len(list(tmp_path.iterdir())) == 2
