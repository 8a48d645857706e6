"""A tool that is missing, slow or far away never stops a run, nor holds it up."""

import contextlib
import random
import socket
import sys
import time

import pytest
from kp_plugin_trackers.base import imported
from kp_plugin_trackers.bounded import Bounded
from kp_plugin_trackers.names import flat, name_of

from kpframework import KpError


@pytest.fixture
def silent_server():
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_tools_that_hang_or_are_missing_are_left_out_in_bounded_time_and_the_run_goes_on(
    make_run, silent_server, capsys, monkeypatch
):
    pytest.importorskip("mlflow", reason="mlflow is not installed: pip install mlflow-skinny")
    monkeypatch.setitem(sys.modules, "wandb", None)
    make_run()
    capsys.readouterr()
    start = time.monotonic()
    server = {"type": "mlflow", "tracking_uri": silent_server, "timeout": 0.5}
    folder = make_run(server, {"type": "wandb"})
    # MLflow alone would try for minutes.
    assert time.monotonic() - start < 40
    assert (folder / "results.json").is_file()
    told = " ".join(capsys.readouterr().err.split())
    assert told.count("is left out") == 2
    assert "did not answer within 0.5 seconds" in told


@pytest.mark.parametrize(
    ("extra", "modules"),
    [("mlflow", ["a_module.x"]), ("tensorboard", ["a_module", "b_module"])],
)
def test_a_tool_that_is_not_installed_is_told_with_the_line_that_installs_it(extra, modules):
    with pytest.raises(KpError) as caught:
        imported(extra, *modules)
    (problem,) = caught.value.problems
    assert "needs a_module, which is not installed" in problem.message
    assert problem.fix == f"pip install 'kp-plugin-trackers[{extra}]'"


def test_a_call_returns_raises_and_is_given_up_after_its_time():
    bounded = Bounded("tool", 0.2)
    assert bounded(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        bounded(lambda: 1 / 0)
    with pytest.raises(KpError) as caught:
        bounded(lambda: time.sleep(1))
    assert caught.value.code == "KP881"


@pytest.mark.parametrize("seconds", [0, 0.4], ids=["in time", "given up"])
def test_what_a_call_draws_from_python_s_generator_is_not_missing_from_it(seconds):
    def call():
        random.shuffle([1, 2, 3])
        time.sleep(seconds)

    before = random.getstate()
    with contextlib.suppress(KpError):
        Bounded("tool", 0.2)(call)
    assert random.getstate() == before


def test_names_of_other_letters_or_of_great_length_stay_distinct():
    assert name_of("steps", "höst", "seconds") != name_of("steps", "hüst", "seconds")
    assert name_of("a", "b.c") == "a/b.c"
    long = [name_of("x" * 300 + end) for end in "ab"]
    assert len(set(long)) == 2
    assert all(len(name) < 250 for name in long)
    assert ".." not in name_of("a", "..", "b").split("/")


def test_a_flat_spec_names_items_by_id_or_index():
    spec = {"a": [{"id": "x.y", "n": 1}, {"n": None}], "seeds": [0, 1], "empty": {}}
    assert flat(spec) == {
        "a.x.y.id": "x.y", "a.x.y.n": "1", "a.1.n": "null", "seeds": "[0, 1]", "empty": "{}",
    }  # fmt: skip
