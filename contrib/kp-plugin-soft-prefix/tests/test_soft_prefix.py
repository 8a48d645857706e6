import json

import pytest
from kp_plugin_soft_prefix.config import SoftPrefixConfig
from kp_plugin_soft_prefix.injector import SoftPrefix

from kpframework.api import Context, Mention, Segment, Slot
from kpframework.cli.root import run
from kpframework.testing.project import tiny_project

TASK = {"stage": "task", "epochs": 4, "lr": 0.02, "batch_size": 8}


def test_every_entity_stands_once_in_front_of_the_text():
    injector = SoftPrefix(SoftPrefixConfig(train=TASK), Context())
    mentions = [Mention(0, 4, "E1"), Mention(5, 6, "E2"), Mention(7, 9, "E1")]
    (edit,) = injector.edits(Segment("Lyon"), mentions)
    assert (edit.at, edit.side, edit.pieces) == (0, "before", (Slot("E1"), Slot("E2")))


@pytest.mark.parametrize("architecture", ["bert-classifier", "gpt2-classifier"])
def test_a_row_runs_on_encoders_and_decoders(tmp_path, architecture):
    rows = [
        {"id": "frozen", "type": "none"},
        {"id": "prefix", "type": "soft-prefix", "train": TASK},
    ]
    spec = tiny_project(tmp_path, architecture, injections=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        assert run(["run", str(spec), "-o", str(tmp_path / "out")]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert all(row["plug_and_play"] for row in results["rows"])
    of = {(row["injection"], row["task"]): row for row in results["rows"]}
    assert (
        of["prefix", "relations"]["input_overhead"] > of["prefix", "typing"]["input_overhead"] > 0
    )
