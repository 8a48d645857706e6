import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from kp_plugin_classification.config import RelationConfig, TypingConfig
from kp_plugin_classification.relation import RelationClassification
from kp_plugin_classification.typing import EntityTyping
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context

DATA = Path(__file__).parents[4] / "shared/data"

PLAIN = {
    "id": "a",
    "text": "Ulm is in Baden.",
    "head": {"start": 0, "end": 3, "entity": "Q1"},
    "tail": {"start": 10, "end": 15, "entity": "Q2"},
    "label": "in",
}
TOKENS = {
    "token": ["Bud", "Frye", "\n ", "is", "near", "Ulm", "."],
    "h": {"name": "bud frye", "id": "Q1", "pos": [0, 3]},
    "t": {"name": "ulm", "id": "Q2", "pos": [5, 6]},
    "relation": "near",
}


def lines(path, values):
    path.write_text("".join(json.dumps(v) + "\n" for v in values), encoding="utf-8")
    return str(path)


def make(kind, config, tmp_path, train, dev=(), test=(), **options):
    data = {
        split: lines(tmp_path / f"{split}.jsonl", values)
        for split, values in (("train", train), ("dev", dev), ("test", test))
    }
    return kind(config.model_validate({"data": data, **options}), Context())


@pytest.fixture
def relations(tmp_path):
    def build(train, **options):
        return make(RelationClassification, RelationConfig, tmp_path, train, **options)

    return build


@pytest.fixture
def types(tmp_path):
    def build(train, **options):
        return make(EntityTyping, TypingConfig, tmp_path, train, **options)

    return build


def spans(example):
    segment = example.segments[0]
    return {m.role: (segment.text[m.start : m.end], m.entity) for m in segment.mentions}


def marked(segment):
    """Apply insertions at character offsets."""
    text = segment.text
    edits = sorted(segment.edits, key=lambda e: (e.at, e.side == "before"), reverse=True)
    for edit in edits:
        text = text[: edit.at] + f"[{edit.pieces[0].text}]" + text[edit.at :]
    return text


def test_character_layout_gives_marked_head_and_tail(relations):
    task = relations([PLAIN, {**PLAIN, "id": "b", "label": "at"}])
    first, second = task.examples("train")
    assert spans(first) == {"head": ("Ulm", "Q1"), "tail": ("Baden", "Q2")}
    assert marked(first.segments[0]) == "[#]Ulm[#] is in [$]Baden[$]."
    assert task.labels == ["at", "in"]
    assert (first.target, second.target) == (1, 0)
    assert task.show(first.target) == "in"


def test_token_layout_gives_offsets_in_the_joined_text(relations):
    task = relations([TOKENS, {**TOKENS, "relation": "in"}])
    example = next(task.examples("train"))
    assert example.segments[0].text == "Bud Frye \n  is near Ulm ."
    assert spans(example) == {"head": ("Bud Frye", "Q1"), "tail": ("Ulm", "Q2")}


def test_fewrel_layout_takes_the_first_place_of_a_mention(relations, tmp_path):
    value = {
        "tokens": ["a", "b", "c", "a"],
        "h": ["a", "Q1", [[3], [0]]],
        "t": ["b c", "Q2", [[1, 2]]],
    }
    path = tmp_path / "fewrel.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"P1": [value], "P2": [value] * 2}).encode()))
    seen = lines(tmp_path / "seen.jsonl", [{**PLAIN, "label": name} for name in ("P1", "P2")])
    data = {"train": seen, "dev": seen, "test": str(path)}
    task = RelationClassification(RelationConfig.model_validate({"data": data}), Context())
    examples = list(task.examples("test"))
    assert [e.target for e in examples] == [0, 1, 1]
    assert spans(examples[0]) == {"head": ("a", "Q1"), "tail": ("b c", "Q2")}
    assert examples[0].segments[0].mentions[0].start == 6
    assert len({e.id for e in examples}) == 3


def test_empty_marker_adds_nothing(relations):
    task = relations([PLAIN, {**PLAIN, "id": "b", "label": "x"}], markers={"head": "", "tail": ""})
    assert next(task.examples("train")).segments[0].edits == ()


def test_label_unseen_in_train_is_gold_and_never_matched(relations):
    task = relations(
        [PLAIN, {**PLAIN, "id": "b", "label": "at"}],
        test=[{**PLAIN, "label": "new"}, PLAIN | {"id": "c"}],
    )
    targets = [e.target for e in task.examples("test")]
    decisions = task.decide(np.array([[0, 1], [0, 1]], dtype=np.float32), {})
    score = task.score(task.statistics(decisions, targets).sum(0))
    assert decisions == [1, 1]
    assert score["accuracy"] == 0.5
    assert list(score) == task.metrics


def test_labels_unseen_in_train_are_told_apart_in_targets_and_in_macro_f1(relations, types):
    train = [PLAIN, {**PLAIN, "id": "b", "label": "at"}]
    names = ["in", "new", "at", "newer", "new"]
    task = relations(train, test=[{**PLAIN, "id": n, "label": n + "x"} for n in "abc"])
    assert [e.target for e in task.examples("test")] == [-1, -2, -3]
    test = [{**PLAIN, "id": str(i), "label": name} for i, name in enumerate(names)]
    task = relations(train, test=test)
    targets = [e.target for e in task.examples("test")]
    assert targets == [1, -1, 0, -2, -1]
    score = task.score(task.statistics([1, 1, 0, 0, 0], targets).sum(0))
    # F1 of "in" 2/3, of "at" 1/2, of "new" and "newer" 0.
    assert score["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 4)
    assert task.show(-2) == "(not among the labels)"
    sets = types([TYPED], test=[{**TYPED, "labels": ["city", "hill", "isle"]}])
    (example,) = sets.examples("test")
    assert example.target == [-2, -1, 0]
    assert sets.statistics([[0]], [example.target]).shape == (1, 3 * 4)


@pytest.mark.parametrize("value", [None, ""])
def test_an_id_that_is_null_is_as_none_at_all(relations, types, value):
    first, second = relations([{**PLAIN, "id": value}, {**PLAIN, "id": 7}]).records("train")
    assert (first.id, second.id) == ("1", "7")
    (typed,) = types([{**TYPED, "id": value}]).records("train")
    assert typed.id == "1"


@pytest.mark.parametrize("value", [True, 1.5, ["a"], {}])
def test_an_id_that_is_no_text_is_an_error_with_its_line(relations, types, value):
    for task, record in ((relations, PLAIN), (types, TYPED)):
        with pytest.raises(KpError, match=r"KP620(.|\n)*train\.jsonl:2(.|\n)*an id is a"):
            list(task([{**record, "id": "a"}, {**record, "id": value}]).records("train"))


def test_limit_takes_examples_over_the_whole_file(relations):
    train = [{**PLAIN, "id": str(i), "label": f"r{i // 10}"} for i in range(40)]
    task = relations(train, limit={"train": 4})
    assert [e.id for e in task.examples("train")] == ["0", "10", "20", "30"]
    assert len(task.labels) == 4


def test_labels_can_be_given_as_a_file(relations, tmp_path):
    (tmp_path / "labels.txt").write_text("x\nin\n")
    task = relations([PLAIN], labels_file=str(tmp_path / "labels.txt"))
    assert task.labels == ["x", "in"]
    assert next(task.examples("train")).target == 1
    with pytest.raises(ValidationError, match="give one of"):
        relations([PLAIN], labels=["x"], labels_file=str(tmp_path / "labels.txt"))


def test_train_label_missing_from_the_given_ones_is_an_error(relations):
    with pytest.raises(KpError, match="KP623"):
        list(relations([PLAIN], labels=["x", "y"]).examples("train"))


def test_repeated_id_is_an_error(relations):
    with pytest.raises(KpError, match="KP622"):
        list(relations([PLAIN, PLAIN], labels=["in", "x"]).examples("train"))


def test_a_single_label_is_an_error(relations):
    with pytest.raises(KpError, match="KP621"):
        _ = relations([PLAIN]).labels


@pytest.mark.parametrize(
    "broken",
    [
        "[1]",
        "{",
        json.dumps({**PLAIN, "label": 3}),
        json.dumps({**PLAIN, "head": {"start": 0, "end": 99}}),
        json.dumps({**PLAIN, "tail": {"start": 3, "end": 3}}),
        json.dumps({**TOKENS, "h": {"id": "Q1", "pos": [2, 3]}}),
        json.dumps({**TOKENS, "h": {"id": "Q1", "pos": [6, 9]}}),
        json.dumps({**TOKENS, "t": ["ulm", "Q2", []]}),
        json.dumps({**TOKENS, "token": ["a", 1]}),
        json.dumps({**PLAIN, "head": {"start": 0, "end": 3, "entity": ["Q1"]}}),
        json.dumps({**TOKENS, "h": {"id": 1.5, "pos": [0, 3]}}),
    ],
)
def test_malformed_line_is_named(relations, tmp_path, broken):
    task = relations([PLAIN])
    (tmp_path / "train.jsonl").write_text(json.dumps(PLAIN) + "\n\n" + broken + "\n")
    with pytest.raises(KpError, match=r"KP620.*train\.jsonl:3"):
        list(task.records("train"))


def test_an_id_that_is_a_number_is_kept_zero_too(relations, types):
    wiki80 = {**TOKENS, "t": {**TOKENS["t"], "id": 1}, "h": {**TOKENS["h"], "id": 0}}
    fewrel = {**TOKENS, "h": ["bud frye", 0, [[0, 1]]], "t": ["ulm", 1, [[5]]]}
    plain = {**PLAIN, "head": {**PLAIN["head"], "entity": 0}}
    plain["tail"] = {**PLAIN["tail"], "entity": 1}
    for record in (plain, wiki80, fewrel):
        (read,) = relations([record]).records("train")
        assert [mention.entity for mention in read.segment.mentions] == ["0", "1"]
    linked, not_linked = types([{**TYPED, "entity": 0}, {**TYPED, "entity": None}]).records("train")
    assert linked.segment.mentions[0].entity == "0"
    assert not_linked.segment.mentions[0].entity == ""


def test_missing_file_and_unknown_option_are_refused_by_the_config(tmp_path):
    path = lines(tmp_path / "a.jsonl", [PLAIN])
    with pytest.raises(ValidationError, match="kp_missing_path"):
        RelationConfig.model_validate({"data": {"train": path, "dev": path, "test": "no.jsonl"}})
    other = lines(tmp_path / "b.jsonl", [TOKENS])
    with pytest.raises(ValidationError, match="extra_forbidden"):
        RelationConfig.model_validate({"data": {"train": path, "dev": path, "test": other}, "x": 1})


@pytest.mark.parametrize("split", ["train", "dev"])
@pytest.mark.parametrize("config", [RelationConfig, TypingConfig])
def test_a_test_file_that_is_trained_or_chosen_on_is_refused_a_copy_too(tmp_path, config, split):
    data = {s: lines(tmp_path / f"{s}.jsonl", [{**PLAIN, "id": s}]) for s in ("train", "dev")}
    copy = lines(tmp_path / "copy.jsonl", [{**PLAIN, "id": split}])
    for test in (data[split], copy):
        with pytest.raises(ValidationError, match=f"'test' has the content of '{split}'"):
            config.model_validate({"data": {**data, "test": test}})
    apart = lines(tmp_path / "test.jsonl", [{**PLAIN, "id": "x"}])
    config.model_validate({"data": {**data, "test": apart}})


TYPED = {"text": "Ulm is old.", "start": 0, "end": 3, "entity": "Q1", "labels": ["city", "place"]}


def test_types_are_a_sorted_set_with_a_threshold(types):
    task = types([TYPED, {**TYPED, "labels": ["river"]}, {**TYPED, "labels": []}])
    targets = [e.target for e in task.examples("train")]
    assert task.labels == ["city", "place", "river"]
    assert targets == [[0, 1], [2], []]
    assert marked(next(task.examples("train")).segments[0]) == "[$]Ulm[$] is old."
    logits = np.array([[3, 2, -1], [-2, -1, 1], [-5, -4, -3]], dtype=np.float32)
    calibration = task.calibrate(logits, targets)
    assert task.decide(logits, calibration) == [[0, 1], [2], [2]]
    assert task.metrics == ["micro_f1", "macro_f1"]
    assert task.show([0, 2]) == "city, river"


def test_types_may_be_empty_where_at_least_one_is_off(types):
    task = types([TYPED], at_least_one=False)
    assert task.decide(np.array([[-1, -2]], dtype=np.float32), {"threshold": 0.5}) == [[]]


def test_a_threshold_of_zero_decides_as_published_whatever_dev_holds(types):
    task = types([TYPED, {**TYPED, "labels": ["river"]}], threshold=0.0)
    logits = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    published = logits >= np.minimum(0, logits.max(axis=1, keepdims=True))
    calibration = task.calibrate(logits, [[0]] * len(logits))
    assert calibration == {"threshold": 0.0}
    assert task.decide(logits, calibration) == [np.flatnonzero(row).tolist() for row in published]


def test_a_threshold_is_refused_where_one_type_is_asked_for(types):
    with pytest.raises(ValidationError, match="'threshold' is for 'multi_label'"):
        types([TYPED], multi_label=False, threshold=0.0)


def test_one_type_only(types):
    rows = [{**TYPED, "labels": ["city"]}, {**TYPED, "labels": ["river"]}]
    task = types(rows, multi_label=False)
    assert [e.target for e in task.examples("train")] == [0, 1]
    assert task.metrics == ["accuracy", "macro_f1"]
    assert task.decide(np.array([[1, 2], [2, 1]], dtype=np.float32), {}) == [1, 0]


def test_several_labels_are_refused_where_one_is_asked_for(types):
    with pytest.raises(KpError, match="KP620"):
        list(types([TYPED], multi_label=False).examples("train"))


def test_test_examples_are_grouped_by_a_field_and_training_ones_are_not(types):
    mention = {"text": "Ulm is old.", "start": 0, "end": 3, "labels": ["city"]}
    rows = [{**mention, "entity": entity} for entity in ("Q1", "Q2", "Q1")]
    task = types([mention, {**mention, "labels": ["river"]}], test=rows, group="entity")
    assert [example.group for example in task.examples("test")] == ["Q1", "Q2", "Q1"]
    assert [example.group for example in task.examples("train")] == ["", ""]


def test_a_test_example_without_its_group_is_named(types):
    mention = {"text": "Ulm is old.", "start": 0, "end": 3, "labels": ["city"]}
    task = types([mention, {**mention, "labels": ["river"]}], test=[mention], group="entity")
    with pytest.raises(KpError, match="'entity' names no group") as caught:
        list(task.examples("test"))
    assert "test.jsonl:1" in str(caught.value)


def test_losses_agree_with_torch_and_leave_out_unseen_labels(types, relations):
    torch = pytest.importorskip("torch")
    logits = torch.tensor([[1.0, -1.0], [0.5, 2.0]])
    many = types([TYPED])
    one = relations([PLAIN, {**PLAIN, "id": "b", "label": "at"}])
    gold = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    binary = torch.nn.functional.binary_cross_entropy_with_logits(logits, gold)
    assert many.loss(logits, [[0, -1], [1]]) == binary
    alone = torch.nn.functional.cross_entropy(logits[1:], torch.tensor([1]))
    assert one.loss(logits, [-1, 1]) == alone
    assert one.loss(logits, [-3, 1]) == alone
    assert many.loss(logits, [[-2, -1, 0], [1]]) == binary
    assert one.loss(logits[:1], [-1]) == 0


def test_no_examples_give_no_decisions(types):
    task = types([TYPED])
    empty = np.zeros((0, 2), dtype=np.float32)
    assert task.calibrate(empty, []) == {"threshold": 0.0}
    assert list(task.decide(empty, {})) == []
    assert task.statistics([], []).shape == (0, 9)


def test_own_text_is_marked_as_the_data_are(relations, types):
    task = relations([PLAIN], labels=["in", "x"])
    assert task.segment(PLAIN["text"], [(0, 3), (10, 15)]).edits == (
        next(task.examples("train")).segments[0].edits
    )
    assert marked(types([TYPED]).segment("In Ulm.", [(3, 6)])) == "In [$]Ulm[$]."
    with pytest.raises(KpError, match="KP624"):
        task.segment(PLAIN["text"], [(0, 3)])


WIKI80 = DATA / "no-licence-stated/wiki80-pelt"
FEWREL = DATA / "fewrel"


@pytest.mark.skipif(not WIKI80.is_dir(), reason="the real Wiki80 files are not here")
def test_real_wiki80_mentions_carry_their_names(tmp_path):
    data = {
        "train": str(WIKI80 / "train_0.1.jsonl.gz"),
        "dev": str(WIKI80 / "dev.jsonl.gz"),
        "test": lines(tmp_path / "test.jsonl", [TOKENS]),
    }
    task = RelationClassification(RelationConfig.model_validate({"data": data}), Context())
    assert len(task.labels) == 80
    examples = list(task.examples("dev"))
    assert len(examples) == 5270
    assert all(e.target >= 0 for e in examples)


@pytest.mark.skipif(not FEWREL.is_dir(), reason="the real FewRel files are not here")
@pytest.mark.parametrize(
    ("name", "count"), [("val_wiki", 7746), ("val_nyt", 2500), ("val_pubmed", 676)]
)
def test_real_fewrel_files_are_read_whole(tmp_path, name, count):
    seen = lines(tmp_path / "seen.jsonl", [PLAIN, TOKENS])
    data = {"train": seen, "dev": seen, "test": str(FEWREL / f"{name}.json.gz")}
    task = RelationClassification(RelationConfig.model_validate({"data": data}), Context())
    examples = list(task.examples("test"))
    assert len(examples) == count
    assert all(e.segments[0].mentions[0].entity for e in examples)
