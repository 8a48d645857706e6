import gzip
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from kp_plugin_few_shot_relation.config import FewShotConfig
from kp_plugin_few_shot_relation.task import FewShotRelation
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context, Example

DATA = Path(__file__).parents[4] / "shared/data"
FEWREL, WIKI80 = DATA / "fewrel", DATA / "no-licence-stated/wiki80-pelt"
NAMES = {"P1": ["crosses", "a bridge"], "P2": ["mother", ""], "P3": "spouse"}
SMALL = {"ways": 2, "shots": 2, "queries": 3, "episodes": 4}


def instance(relation, number):
    """Return an instance that is told from all others by its words."""
    tokens = ["#", relation, "$", f"Head{number}", "and", "the", f"Tail{number}", "#"]
    head, tail = f"{relation}-h{number}", f"{relation}-t{number}"
    return {"tokens": tokens, "h": ["", head, [[3]]], "t": ["", tail, [[5, 6], [0]]]}


def relations(names=("P3", "P1", "P2", "P0"), count=9):
    return {name: [instance(name, i) for i in range(count)] for name in names}


def write(path, value):
    path.write_bytes(gzip.compress(json.dumps(value).encode()))
    return str(path)


@pytest.fixture
def make(tmp_path):
    def build(instances=None, **options):
        names = write(tmp_path / "names.json.gz", NAMES)
        data = {}
        for split in ("train", "dev", "test"):
            # The same relations and instances, in files that are not the same.
            (tmp_path / split).mkdir(exist_ok=True)
            own = relations() if instances is None else instances
            own = {name: [{**i, "split": split} for i in given] for name, given in own.items()}
            data[split] = write(tmp_path / split / "data.json.gz", own)
        config = {
            "names": names,
            "train": SMALL,
            "dev": {"episodes": 2, "first_seed": 500},
            "test": SMALL,
            **options,
            "data": data | options.get("data", {}),
        }
        return FewShotRelation(FewShotConfig.model_validate(config), Context())

    return build


def published_episode(instances, ways, shots, queries, seed):
    """Draw an episode by the published rule, with the global generator: an oracle for the test."""
    random.seed(seed)
    chosen = random.sample(sorted(instances), ways)
    supports, asked = [], []
    for relation in chosen:
        own = random.sample(list(range(len(instances[relation]))), shots + queries)
        supports += [(relation, i) for i in own[:shots]]
        asked += [(relation, i) for i in own[shots:]]
    return chosen, supports, asked


def drawn(segment):
    """Return relation and number of an instance."""
    head = segment.mentions[0].entity
    relation, _, number = head.partition("-h")
    return relation, int(number)


@pytest.mark.parametrize(("split", "first"), [("train", 10000), ("test", 0), ("dev", 500)])
def test_episodes_are_those_of_the_published_rule(make, split, first):
    instances = relations()
    examples = list(make(instances).examples(split))
    assert len(examples) == (2 if split == "dev" else 4) * 2 * 3
    for start in range(0, len(examples), 6):
        own = examples[start : start + 6]
        seed = first + start // 6
        chosen, supports, asked = published_episode(instances, 2, 2, 3, seed)
        assert {e.group for e in own} == {str(seed)}
        assert [drawn(e.segments[0]) for e in own] == asked
        assert all([drawn(s) for s in e.segments[1:]] == supports for e in own)
        assert [chosen[e.target] for e in own] == [relation for relation, _ in asked]


def test_the_global_generator_is_neither_read_nor_moved(make):
    task = make()
    random.seed(1)
    before, first = random.getstate(), list(task.examples("test"))
    assert random.getstate() == before
    random.seed(2)
    assert list(task.examples("test")) == first


def test_an_example_is_a_query_paired_with_every_support(make):
    example = next(make().examples("test"))
    assert len(example.segments) == 1 + 2 * 2
    assert example.inputs == ((0, 1), (0, 2), (0, 3), (0, 4))
    named = [drawn(segment)[0] for segment in example.segments]
    assert example.info["relations"] == named
    assert example.id == "0/0/0"


def test_no_query_is_a_support_of_its_episode_and_all_queries_share_the_supports(make):
    examples = list(make().examples("train"))
    for first, example in zip(examples[::6], examples[5::6], strict=True):
        assert all(a is b for a, b in zip(first.segments[1:], example.segments[1:], strict=True))
    assert all(e.segments[0] not in e.segments[1:] for e in examples)


def test_markers_are_edits_so_that_a_hash_in_the_text_is_text(make):
    segment = next(make().examples("test")).segments[0]
    assert segment.text.startswith("# P")
    assert segment.text.endswith(" #")
    places = [(e.at, e.side, e.pieces[0].text) for e in segment.edits]
    head, tail = segment.mentions
    assert places == [
        (head.start, "before", "#"),
        (head.end, "after", "#"),
        (tail.start, "before", "$"),
        (tail.end, "after", "$"),
    ]
    assert segment.text[tail.start : tail.end].startswith("the Tail")
    assert [m.role for m in segment.mentions] == ["head", "tail"]


def test_empty_markers_put_nothing(make):
    segment = next(make(markers={"head": "", "tail": ""}).examples("test")).segments[0]
    assert segment.edits == ()


def test_lines_of_wiki80_give_the_same_examples_as_one_object_of_lists(make, tmp_path):
    lines = [
        json.dumps(
            {
                "token": own["tokens"],
                "h": {"id": own["h"][1], "pos": [3, 4]},
                "t": {"id": own["t"][1], "pos": [5, 7]},
                "relation": relation,
            }
        )
        for relation, instances in relations().items()
        for own in instances
    ]
    (tmp_path / "lines.jsonl").write_text("\n".join(lines), "utf-8")
    expected = list(make().examples("test"))
    task = make(data={"test": str(tmp_path / "lines.jsonl")})
    assert list(task.examples("test")) == expected


@pytest.mark.parametrize("wanted", [["P1", "P2"], ["crosses", "mother"], ["crosses", "P2"]])
def test_relations_are_chosen_by_id_or_name(make, wanted):
    few = make(test={**SMALL, "only_relations": wanted})
    assert {r for e in few.examples("test") for r in e.info["relations"]} == {"P1", "P2"}
    others = make(test={**SMALL, "exclude_relations": wanted})
    assert {r for e in others.examples("test") for r in e.info["relations"]} == {"P0", "P3"}
    assert {r for e in others.examples("train") for r in e.info["relations"]} > {"P1", "P2"}


def test_relations_of_a_file_of_names_are_left_out_by_their_ids(make):
    instances = relations(("crosses", "mother", "spouse", "other"))
    task = make(instances, train={**SMALL, "exclude_relations": ["P1", "P3"]})
    named = {r for e in task.examples("train") for r in e.info["relations"]}
    assert named == {"mother", "other"}


@pytest.mark.parametrize("option", ["only_relations", "exclude_relations"])
def test_a_relation_that_is_not_there_is_an_error_that_names_the_nearest(make, option):
    task = make(test={**SMALL, option: ["croses"]})
    with pytest.raises(KpError, match=r"KP626(.|\n)*data\.json\.gz(.|\n)*'croses'(.|\n)*crosses"):
        next(task.examples("test"))


def test_too_few_relations_are_an_error_with_file_and_counts(make):
    task = make(test={**SMALL, "ways": 5})
    with pytest.raises(KpError, match=r"KP625(.|\n)*data\.json\.gz(.|\n)*4 relations(.|\n)*5 ways"):
        next(task.examples("test"))


def test_too_few_instances_are_an_error_with_file_relation_and_counts(make):
    task = make({**relations(), "P2": [instance("P2", 0)] * 4})
    with pytest.raises(KpError, match=r"KP625(.|\n)*data\.json\.gz(.|\n)*5 instances.*'P2' 4"):
        next(task.examples("train"))


def test_a_malformed_instance_is_an_error_with_its_place(make):
    broken = {**instance("P0", 0), "h": ["", "Q1", []]}
    with pytest.raises(KpError, match=r"KP620(.|\n)*data\.json\.gz:P0\[1\]"):
        next(make({"P0": [instance("P0", 0), broken]}).examples("train"))


@pytest.mark.parametrize("names", [["P1"], {"P1": []}, {"P1": None}])
def test_malformed_names_are_an_error_with_their_file(make, tmp_path, names):
    path = write(tmp_path / "wrong.json.gz", names)
    with pytest.raises(KpError, match=r"KP620(.|\n)*wrong\.json\.gz"):
        next(make(names=path).examples("test"))


@pytest.mark.parametrize("text", ['{"P1": "in", "P1": "of"}', "[" * 100_000])
def test_names_that_are_not_one_table_are_an_error_with_their_file(make, tmp_path, text):
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(KpError, match=r"KP620(.|\n)*wrong\.json"):
        next(make(names=str(path)).examples("test"))


@pytest.mark.parametrize("split", ["train", "dev"])
@pytest.mark.parametrize("copied", [False, True])
def test_another_seed_does_not_let_test_draw_what_was_seen_of_the_same_file(
    make, tmp_path, split, copied
):
    path = write(tmp_path / "one.json.gz", relations())
    other = shutil.copy(path, tmp_path / "copy.json.gz") if copied else path
    options = {split: {"episodes": 2, "first_seed": 4000}} if split == "dev" else {}
    with pytest.raises(ValidationError, match=f"test draws the relations of {split} from the same"):
        make(data={split: path, "test": str(other)}, **options)


def test_a_relation_that_dev_and_test_draw_of_one_file_is_refused_by_its_name(make, tmp_path):
    path = write(tmp_path / "one.json.gz", relations())
    data, two = {"dev": path, "test": path}, {**SMALL, "ways": 2}
    overlapping = make(
        data=data, dev={"only_relations": ["P0", "P1"]}, test={**two, "exclude_relations": ["P0"]}
    )
    assert len(list(overlapping.examples("dev"))) == 200 * 2 * 3
    with pytest.raises(KpError, match=r"KP628(.|\n)*dev draws from the same file: crosses\n"):
        next(overlapping.examples("test"))
    apart = make(
        data=data,
        dev={"episodes": 2, "only_relations": ["P0", "mother"]},
        test={**two, "exclude_relations": ["P0", "P2"]},
    )
    drawn = [
        {r for e in apart.examples(split) for r in e.info["relations"]} for split in ("dev", "test")
    ]
    assert drawn == [{"P0", "P2"}, {"P1", "P3"}]


def test_settings_that_pair_scores_cannot_tell_apart_are_refused(make):
    with pytest.raises(ValidationError, match="4 supports each, in 2 and in 4 ways"):
        make(test={**SMALL, "ways": 4, "shots": 1})


def test_a_relations_logit_is_the_mean_of_its_pair_scores(make):
    task = make()
    scores = np.array([[[9.0], [0.0], [4.0], [4.0]], [[1.0], [2.0], [3.0], [-1.0]]], np.float32)
    assert task.decide(scores, {}) == [0, 0]
    scores[0, 2] = 6.0
    assert task.decide(scores, {}) == [1, 0]
    assert task.decide(scores[:0], {}) == []


def test_a_test_setting_other_than_trains_is_decided_by_its_own_ways(make):
    task = make(test={**SMALL, "ways": 3, "shots": 1})
    assert task.decide(np.array([[[0.0], [1.0], [2.0]]], np.float32), {}) == [2]
    assert task.decide(np.array([[[0.0], [1.0], [2.0], [0.5]]], np.float32), {}) == [1]


def test_the_loss_is_a_mean_over_queries_whatever_their_number(make):
    task = make()
    logits = torch.tensor([[[3.0], [1.0], [0.0], [1.0]], [[0.0], [0.0], [2.0], [0.0]]])
    means = torch.tensor([[2.0, 0.5], [0.0, 1.0]])
    expected = -torch.log_softmax(means, dim=1)[[0, 1], [0, 1]].mean()
    torch.testing.assert_close(task.loss(logits, [0, 1]), expected)
    many = task.loss(logits.repeat(7, 1, 1), [0, 1] * 7)
    torch.testing.assert_close(many, expected)


def test_every_pair_has_a_share_of_the_gradient(make):
    logits = torch.zeros((1, 4, 1), requires_grad=True)
    make().loss(logits, [1]).backward()
    torch.testing.assert_close(logits.grad[0, :, 0], torch.tensor([0.25, 0.25, -0.25, -0.25]))


def test_accuracy_comes_from_sums_and_is_zero_of_nothing(make):
    task = make()
    statistics = task.statistics([0, 1, 1], [0, 1, 0])
    assert task.score(statistics.sum(0))["accuracy"] == pytest.approx(2 / 3)
    assert task.score(np.zeros(2))["accuracy"] == 0
    assert task.statistics([], []).shape == (0, 2)


def test_decisions_are_shown_as_names_of_the_episodes_relations(make):
    task = make()
    relations = ["P1", "P0", "P0", "P1", "P1"]
    pairs = tuple((0, i) for i in range(1, 5))
    example = Example("x", (), 1, {"relations": relations}, pairs)
    assert [task.show(i, example) for i in (0, 1)] == ["P0", "crosses"]
    assert task.show(1) == "relation 2 of the episode"


def test_one_text_alone_is_refused(make):
    with pytest.raises(KpError, match="KP627"):
        make().segment("Bath crosses Avon", [(0, 4), (13, 17)])


needs_fewrel = pytest.mark.skipif(not FEWREL.is_dir(), reason=f"no {FEWREL}")


@needs_fewrel
@pytest.mark.parametrize(
    ("name", "prefix", "ways"), [("wiki", "Q", 10), ("nyt", "Q", 10), ("pubmed", "C", 10)]
)
def test_published_settings_can_be_drawn_from_every_fewrel_file(make, name, prefix, ways):
    path = str(FEWREL / f"val_{name}.json.gz")
    setting = {"ways": ways, "shots": 5, "queries": 5, "episodes": 3}
    task = make(data={"test": path}, test=setting)
    examples = list(task.examples("test"))
    assert len(examples) == 3 * ways * 5
    assert all(len(e.inputs) == 50 for e in examples)
    ids = {m.entity for e in examples for s in e.segments for m in s.mentions}
    assert all(own.startswith(prefix) for own in ids)
    instances = json.loads(gzip.decompress(Path(path).read_bytes()))
    for seed in range(3):
        chosen, _, asked = published_episode(instances, ways, 5, 5, seed)
        own = [e for e in examples if e.group == str(seed)]
        texts = [" ".join(instances[r][i]["tokens"]) for r, i in asked]
        assert [e.segments[0].text for e in own] == texts
        assert [chosen[e.target] for e in own] == [r for r, _ in asked]


@needs_fewrel
@pytest.mark.skipif(not WIKI80.is_dir(), reason=f"no {WIKI80}")
def test_wiki80_without_the_tested_relations_leaves_those_fewrel_trains_on(make):
    test = FEWREL / "val_wiki.json.gz"
    tested = sorted(json.loads(gzip.decompress(test.read_bytes())))
    task = make(
        data={
            "train": str(WIKI80 / "train_0.1.jsonl.gz"),
            "dev": str(WIKI80 / "dev.jsonl.gz"),
            "test": str(test),
        },
        names=str(FEWREL / "pid2name.json.gz"),
        train={"episodes": 300, "exclude_relations": tested},
    )
    trained = {r for e in task.examples("train") for r in e.info["relations"]}
    assert len(trained) == 64
    shown = {task.show(e.target, e) for e in task.examples("test")}
    assert shown
    assert not shown & trained
