"""Scores against gold: counted by hand, and through the command on gold files."""

import json

import numpy as np
import pytest

from kpframework.link.evaluate import Guess, Truth, evaluate, scores
from kpframework.testing.corpus import NAMES


def truth(start, end, *entities, types=()):
    return Truth(start, end, frozenset(entities), frozenset(types))


def guess(start, end, entity, types=()):
    return Guess(start, end, entity, frozenset(types))


BY_HAND = [
    # Right; right span, wrong entity; nowhere in the gold. Missed: 30 to 34.
    (
        [
            truth(0, 4, "A", types=["x"]),
            truth(10, 14, "B", types=["x"]),
            truth(30, 34, "C", types=["y"]),
        ],
        [
            guess(0, 4, "A", ["x"]),
            guess(10, 14, "C", ["y"]),
            guess(20, 24, "A", ["x"]),
        ],
    ),
    # Any entity of a mention is right, and of two gold mentions of one span too. Off by one: wrong.
    (
        [
            truth(0, 4, "A", "D", types=["x"]),
            truth(5, 9, "B", types=["y"]),
            truth(5, 9, "E", types=["x"]),
        ],
        [guess(0, 4, "D", ["x"]), guess(5, 9, "E", ["x"]), guess(12, 15, "B", ["y"])],
    ),
    # Nothing predicted.
    ([truth(0, 4, "B", types=["y"])], []),
]


def test_counts_and_scores_are_those_counted_by_hand():
    found = evaluate(BY_HAND, resamples=200)
    assert found["counts"] == {
        "documents": 3,
        "predicted": 6,
        "gold": 6,
        "spans": 4,
        "correct": 3,
    }
    means = {name: own["mean"] for name, own in found["metrics"].items()}
    assert means == pytest.approx(
        {
            "precision": 3 / 6,
            "recall": 3 / 6,
            "f1": 0.5,
            "span_precision": 4 / 6,
            "span_recall": 4 / 6,
            "span_f1": 4 / 6,
            "accuracy": 3 / 4,
        }
    )


def test_types_count_gold_by_its_own_and_wrong_predictions_by_theirs():
    x, y = evaluate(BY_HAND, resamples=200)["types"]
    # Gold x: (0, 4) and (10, 14); (0, 4) and (5, 9). Predicted x: three right, (20, 24).
    assert (x["type"], x["gold"], x["predicted"], x["correct"]) == ("x", 4, 4, 3)
    assert (x["precision"], x["recall"], x["f1"]) == (3 / 4, 3 / 4, 3 / 4)
    assert x["accuracy"] == 3 / 4
    # Gold y: (30, 34), (5, 9), (0, 4). Predicted y: (10, 14) and (12, 15) wrong, (5, 9) right.
    assert (y["type"], y["gold"], y["predicted"], y["correct"]) == ("y", 3, 3, 1)


def test_intervals_hold_the_mean_and_are_drawn_by_document():
    many = BY_HAND * 20
    found = evaluate(many, resamples=500)["metrics"]
    for own in found.values():
        low, high = own["interval"]
        assert low <= own["mean"] <= high
    low, high = found["f1"]["interval"]
    assert low < high
    # One document drawn again and again is always the same.
    alone = evaluate(BY_HAND[:1], resamples=200)["metrics"]["f1"]
    assert alone["interval"] == [alone["mean"]] * 2
    assert evaluate(many, resamples=500)["metrics"] == found


def test_scores_of_nothing_are_0_and_arrays_are_scored_at_once():
    assert set(map(float, scores(np.zeros(4)).values())) == {0.0}
    many = scores(np.array([[[6, 6, 4, 3], [1, 1, 1, 1]]]))
    assert all(values.shape == (1, 2) for values in many.values())
    assert many["f1"][0].tolist() == [0.5, 1.0]
    assert evaluate([])["metrics"] == {}


GOLD = [
    # Both found; then one the linker cannot know, one without an entity, one it misses.
    ("d1", f"{NAMES[0]} and {NAMES[2]}", [(0, 14, "E0"), (19, 24, "MESH:D2")]),
    ("d2", "ectopia of it", [(0, 7, "X9"), (8, 10, "")]),
    ("d3", "the lens, big hands", [(4, 8, "E3"), (10, 19, "E0")]),
]


@pytest.fixture
def gold(tmp_path):
    path = tmp_path / "gold.jsonl"
    with path.open("w") as out:
        for name, text, mentions in GOLD:
            own = [dict(zip(("start", "end", "entity"), m, strict=True)) for m in mentions]
            out.write(json.dumps({"id": name, "text": text, "mentions": own}) + "\n")
    return path


def test_the_golds_own_texts_are_linked_without_its_mentions(corpus, link, gold, tmp_path):
    found = link("--gold", gold, "--resamples", 200)["found"]
    assert found["counts"] == {
        "documents": 3,
        "predicted": 3,
        "gold": 5,
        "spans": 3,
        "correct": 3,
    }
    assert found["metrics"]["precision"]["mean"] == 1.0
    assert found["metrics"]["recall"]["mean"] == 3 / 5
    assert (found["gold_not_in_kb"], found["gold_without_entity"]) == (1, 1)
    types = {own["type"]: own["gold"] for own in found["types"]}
    assert types == {"finding": 3, "disorder": 1}
    # The annotated linker sees nothing of it unless it is told to.
    blind = link("--gold", gold, "--resamples", 100, linker="annotated")["found"]
    assert blind["counts"]["predicted"] == 0
    arguments = ("--gold", gold, "--resamples", 100, "--mentions", "all")
    counts = link(*arguments, linker="annotated")["found"]["counts"]
    assert (counts["predicted"], counts["correct"]) == (4, 4)


def test_ids_of_the_gold_may_name_their_space_or_leave_it_to_the_option(corpus, link, tmp_path):
    path = tmp_path / "gold.jsonl"
    mentions = [{"start": i, "end": i + 1, "entity": own} for i, own in ((0, "D2"), (2, "MESH:D2"))]
    path.write_text(json.dumps({"id": "d1", "text": "a b", "mentions": mentions}))
    found = link("--gold", path, "--gold-space", "MESH", "--resamples", 100)["found"]
    assert (found["counts"]["gold"], found["gold_not_in_kb"]) == (2, 0)


def test_inputs_are_scored_by_their_ids_whether_they_are_linked_now_or_were_before(
    corpus, link, gold, tmp_path
):
    texts, out = tmp_path / "texts.jsonl", tmp_path / "out.parquet"
    rows = [{"id": name, "text": text} for name, text, _ in GOLD]
    rows.insert(0, {"id": "other", "text": "aorta"})
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    first = link(texts, "-o", out, "--gold", gold, "--resamples", 100)
    again = link(texts, "-o", out, "--gold", gold, "--resamples", 100)
    assert (first["found"], again["linked"]) == (again["found"], 0)
    assert first["found"]["counts"]["correct"] == 3
    assert first["found"]["texts_without_gold"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:2], "1 gold documents were not linked: 'd3'"),
        (lambda rows: [*rows, rows[0]], "two texts that were linked have the id 'd1'"),
        (lambda rows: [{**rows[0], "text": "aorta"}, *rows[1:]], "is not the one that was linked"),
    ],
)
def test_gold_that_does_not_belong_to_the_texts_is_an_error(
    corpus, link, gold, tmp_path, change, message
):
    texts = tmp_path / "texts.jsonl"
    rows = change([{"id": name, "text": text} for name, text, _ in GOLD])
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = link(texts, "--gold", gold, "--resamples", 100, code=1)
    assert "KP839" in said
    assert message in said


def test_gold_and_inputs_are_read_from_pubtator(corpus, link, tmp_path):
    path = tmp_path / "gold.pubtator"
    path.write_text(
        "12|t|A case of arachnodactyly\n"
        "12|a|The lens and the aorta.\n"
        "12\t10\t24\tarachnodactyly\tDisease\tD0\n"
        "12\t29\t33\tlens\tDisease\tD3|D9\n"
        "\n"
    )
    scored = link("--gold", path, "--gold-space", "MESH", "--resamples", 100)["found"]
    counts = scored["counts"]
    assert (counts["gold"], counts["predicted"], counts["correct"]) == (2, 3, 2)
    out = tmp_path / "out.jsonl"
    link(path, "-o", out)
    record = json.loads(out.read_text())
    assert record["id"] == "12"
    assert [m["mention"] for m in record["mentions"]] == ["arachnodactyly", "lens", "aorta"]


def test_gold_of_no_known_format_is_refused(corpus, link, tmp_path):
    path = tmp_path / "gold.txt"
    path.write_text("the aorta\n")
    assert "--gold-format" in link("--gold", path, code=1)


def test_the_table_of_scores_is_shown(corpus, gold, capsys):
    from kpframework.cli.root import run

    line = ["link", str(corpus.kb), "--gold", str(gold), "--linker", "gazetteer", "-q"]
    assert run([*line, "--executor", "serial"]) == 0
    shown = capsys.readouterr().out
    assert "3 documents, 5 mentions (1 of them not in the knowledge base)" in shown
    assert "span and entity: recall     0.6000" in shown
    assert "disorder" in shown
