import json

import pytest
from kp_plugin_map_tuning.config import MapTuningConfig
from kp_plugin_map_tuning.injector import MapTuning

from kpframework.api import Context, Mention, Segment
from kpframework.cli.root import run
from kpframework.inject.encoding import EditedSegment, InputEncoder, SourcedEdit
from kpframework.testing.project import tiny_project
from kpframework.testing.tiny import tiny_tokenizer

TEXT = "we went to Lyon again"


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer("bert-classifier")


def tokens(tokenizer, layout):
    train = {"stage": "task"}
    injector = MapTuning(MapTuningConfig(train=train, layout=layout), Context())
    start = TEXT.index("Lyon")
    edits = injector.edits(Segment(TEXT), [Mention(start, start + 4, "E1")])
    (item,) = InputEncoder(tokenizer, 64).encode(
        [[EditedSegment(TEXT, tuple(SourcedEdit(edit) for edit in edits))]]
    )
    shown = tokenizer.convert_ids_to_tokens(item.input_ids)
    for position, _, entity in item.entities:
        shown[position] = f"<{entity}>"
    return shown[1:-1]


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("concat", ("we went to", "<E1>", "/", "Lyon", "again")),
        ("replace", ("we went to", "<E1>", "again")),
        ("bracket", ("we went to", "Lyon", "(", "<E1>", ")", "again")),
    ],
)
def test_a_layout_puts_the_slot_where_the_papers_have_it(tokenizer, layout, expected):
    parts = [[part] if part == "<E1>" else tokenizer.tokenize(part) for part in expected]
    assert tokens(tokenizer, layout) == [token for part in parts for token in part]


def test_a_host_fine_tuned_with_a_mapper_is_a_host_of_its_own_and_marked(tmp_path):
    task = {"stage": "task", "epochs": 4, "lr": 0.02, "batch_size": 8}
    rows = [
        {"id": "frozen", "type": "none"},
        {"id": "mapped", "type": "map-tuning", "train": task},
        {"id": "tuned", "type": "fine-tuning-with-mapper", "init": "mapped"},
        {"id": "both", "type": "fine-tuning-with-mapper", "train_mapper": True},
    ]
    first = json.loads(tiny_project(tmp_path / "spec").read_text("utf-8"))["tasks"][:1]
    spec = tiny_project(tmp_path / "spec", injections=rows, tasks=first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        assert run(["run", str(spec), "-o", str(tmp_path / "out")]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    of = {row["injection"]: row for row in results["rows"]}
    assert of["mapped"]["plug_and_play"]
    assert not of["tuned"]["plug_and_play"]
    assert of["tuned"]["trains_host"]
    assert of["both"]["parameters"] > of["tuned"]["parameters"] > of["mapped"]["parameters"]
    assert (tmp_path / "out" / "hosts" / "tuned").is_dir()
    assert not (tmp_path / "out" / "plugins" / "tuned").exists()


def test_a_finished_checkpoint_cannot_be_trained_anew(tmp_path, capsys):
    rows = [{"id": "tuned", "type": "fine-tuning-with-mapper", "train_mapper": True}]
    spec = tiny_project(tmp_path, injections=rows, hosts=[{"id": "mine", "checkpoint": "backbone"}])
    assert run(["validate", str(spec)]) == 2
    assert "KP315" in capsys.readouterr().err


def test_a_mapper_that_no_row_trains_is_refused(tmp_path, capsys):
    train = {"stage": "task", "epochs": 1}
    rows = [
        {"id": "mapped", "type": "map-tuning", "train": train},
        {"id": "tuned", "type": "fine-tuning-with-mapper", "init": "mapped"},
        {"id": "both", "type": "fine-tuning-with-mapper", "train_mapper": True},
        {"id": "drawn", "type": "fine-tuning-with-mapper"},
    ]
    assert run(["validate", str(tiny_project(tmp_path, injections=rows))]) == 2
    told = capsys.readouterr().err
    assert told.count("KP322") == 1
    assert "injections[drawn]" in told
    assert "the mapper is not trained: needs 'init'" in told
