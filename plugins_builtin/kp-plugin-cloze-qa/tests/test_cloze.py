import gzip
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from kp_plugin_cloze_qa.config import ClozeQAConfig, Limits, Splits
from kp_plugin_cloze_qa.task import ClozeQA
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context, Hidden, OnlyTest
from kpframework.testing.tiny import tiny_tokenizer

DATA = Path(__file__).parents[4] / "shared/data"
TEMPLATES = {"capital": "Which city is the capital of [X]?", "born": "[X] was born in [Y] ."}

PARIS = {
    "question": "Which city is the capital of France?",
    "subject": {"start": 29, "end": 35, "entity": "Q142"},
    "answers": ["the intermittent town", "Paris", "Lyon", "paris"],
    "answer_entities": ["Q90"],
    "relation": "capital",
}


SEEN = {**PARIS, "id": "seen"}
"""What is trained and chosen on, unless a test says otherwise: test has a file of its own."""


def lines(path, values):
    text = "".join((v if isinstance(v, str) else json.dumps(v)) + "\n" for v in values)
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture
def make(tmp_path):
    def build(train=(SEEN,), dev=(SEEN,), test=(PARIS,), *, architecture="bert", **options):
        data = {
            split: lines(tmp_path / f"{split}.jsonl", values)
            for split, values in (("train", train), ("dev", dev), ("test", test))
        }
        (tmp_path / "templates.json").write_text(json.dumps(TEMPLATES))
        tokenizer = tiny_tokenizer(architecture)
        config = ClozeQAConfig.model_validate(
            {"data": data, "templates": str(tmp_path / "templates.json"), **options}
        )
        return ClozeQA(config, Context(tokenizer=lambda: tokenizer))

    return build


def hidden(segment):
    return [p.text for edit in segment.edits for p in edit.pieces if isinstance(p, Hidden)]


def without(record, *keys):
    return {key: value for key, value in record.items() if key not in keys}


class TestReading:
    def test_a_question_has_its_subject_marked_and_its_answer_hidden_at_the_end(self, make):
        (example,) = make().examples("test")
        (segment,) = example.segments
        (mention,) = segment.mentions
        assert segment.text[mention.start : mention.end] == "France"
        assert (mention.entity, mention.role) == ("Q142", "subject")
        assert hidden(segment) == ["Paris"]
        assert [e.at for e in segment.edits] == [29, 35, 36]
        assert example.info["triples"] == [["Q142", "capital", "Q90"]]

    @pytest.mark.parametrize("value", [None, ""])
    def test_an_id_that_is_null_is_as_none_at_all(self, make, value):
        first, second = make(test=[{**PARIS, "id": value}, {**PARIS, "id": 7}]).examples("test")
        assert (first.id, second.id) == ("1", "7")

    def test_an_id_that_is_no_text_is_an_error_with_its_line(self, make):
        task = make(test=[PARIS, {**PARIS, "id": True}])
        with pytest.raises(KpError, match=r"KP620(.|\n)*test\.jsonl:2(.|\n)*an id is a bool"):
            list(task.examples("test"))

    @pytest.mark.parametrize("protocol", ["single-token", "likelihood"])
    def test_test_questions_are_grouped_by_a_field_and_training_ones_are_not(self, make, protocol):
        other = {**PARIS, "id": "b", "answers": ["Paris", "not"]}
        test = [{**own, "page": page} for own, page in ((PARIS, "France"), (other, 7))]
        train = [{**PARIS, "answers": ["not"]}]
        task = make(train, test=test, protocol=protocol, group="page")
        assert [example.group for example in task.examples("test")] == ["France", "7"]
        assert [example.group for example in task.examples("train")] == [""]
        assert [example.group for example in make(test=test).examples("test")] == ["", ""]

    def test_facts_of_one_question_are_of_one_group(self, make):
        fact = {"sub": {"id": "Q1", "label": "Jean"}, "rel": "born", "page": "Jean"}
        facts = [{**fact, "obj": {"label": name}} for name in ("Paris", "France")]
        (example,) = make(test=facts, group="page").examples("test")
        assert example.group == "Jean"
        task = make(test=[facts[0], {**facts[1], "page": "J."}], group="page")
        with pytest.raises(KpError, match=r"KP620(.|\n)*jsonl:2(.|\n)*'J\.', but 'Jean' at"):
            list(task.examples("test"))
        with pytest.raises(KpError, match=r"KP620(.|\n)*jsonl:1(.|\n)*'page' names no group"):
            list(make(test=[PARIS], group="page").examples("test"))

    @pytest.mark.parametrize("split", ["train", "dev"])
    def test_a_test_file_that_is_trained_or_chosen_on_is_refused(self, make, split):
        with pytest.raises(ValidationError, match=f"'test' has the content of '{split}'"):
            make(**{split: [PARIS]})

    def test_an_empty_marker_adds_nothing(self, make):
        (example,) = make(marker="").examples("test")
        assert len(example.segments[0].edits) == 1

    def test_facts_of_one_subject_and_relation_are_one_question(self, make):
        facts = [
            {
                "sub": {"id": "Q1", "label": "Jean"},
                "rel": "born",
                "obj": {"id": f"Q{i}", "label": name},
            }
            for i, name in ((2, "Paris"), (3, "France"), (2, "Paris"))
        ]
        (example,) = make(test=facts).examples("test")
        assert example.segments[0].text == "Jean was born in ."
        assert example.target["answers"] == ["Paris", "France"]
        assert example.info["triples"] == [["Q1", "born", "Q2"], ["Q1", "born", "Q3"]]

    def test_an_id_that_is_a_number_is_kept_zero_too(self, make):
        ends = [{"id": i, "label": name} for i, name in enumerate(("Jean", "Paris"))]
        fact = {"sub": ends[0], "rel": "born", "obj": ends[1]}
        question = {**PARIS, "subject": {**PARIS["subject"], "entity": 0}}
        examples = list(make(test=[fact, question]).examples("test"))
        assert [e.segments[0].mentions[0].entity for e in examples] == ["0", "0"]
        assert examples[1].info["triples"] == [["0", "born", "1"]]

    def test_flat_facts_and_lines_with_tabs_give_the_same_questions(self, make, tmp_path):
        names = {"Q1": "Jean", "Q2": {"label": "Paris"}}
        (tmp_path / "names.json").write_text(json.dumps(names))
        flat = {"sub_uri": "Q1", "sub_label": "Jean", "predicate_id": "born"}
        flat |= {"obj_uri": "Q2", "obj_label": "Paris"}
        task = make(
            train=["Q1\tborn\tQ2", "Q1\tborn\tQ9"],
            test=[flat],
            labels=str(tmp_path / "names.json"),
        )
        assert list(task.examples("train")) == list(task.examples("test"))
        assert task.counts() == {"train, left out: entity without a name": 1}

    def test_lists_and_tables_of_lists_are_read(self, make, tmp_path):
        task = make()
        for value in ([PARIS], {"capital": [without(PARIS, "relation")]}):
            Path(task.config.data.test).write_text(json.dumps(value, indent=1))
            (example,) = task.examples("test")
            assert example.info["relation"] == "capital"

    def test_a_subject_without_a_place_is_cut_out_by_its_template(self, make):
        (example,) = make(test=[without(PARIS, "subject")]).examples("test")
        (mention,) = example.segments[0].mentions
        assert example.segments[0].text[mention.start : mention.end] == "France"
        assert "triples" not in example.info

    def test_a_limit_takes_questions_over_the_whole_file(self, make):
        test = [{**PARIS, "id": str(i)} for i in range(40)]
        task = make(test=test, limit={"test": 4})
        assert [e.id for e in task.examples("test")] == ["0", "10", "20", "30"]

    @pytest.mark.parametrize(
        "line",
        [
            "{",
            "[1]",
            json.dumps({**PARIS, "answers": "Paris"}),
            json.dumps({**PARIS, "answers": [3]}),
            json.dumps({**PARIS, "subject": {"start": 29, "end": 99}}),
            json.dumps({**PARIS, "relation": 3}),
            json.dumps({"sub": {"id": "Q1"}, "rel": "born"}),
            json.dumps({"sub": {}, "rel": "born", "obj": {"id": "Q1"}}),
            json.dumps({"sub": {"id": ["Q1"]}, "rel": "born", "obj": {"id": "Q1"}}),
            json.dumps({**PARIS, "subject": {"start": 29, "end": 35, "entity": True}}),
            "Q1\tborn",
        ],
    )
    def test_a_malformed_line_is_an_error_with_its_place(self, make, tmp_path, line):
        task = make()
        path = Path(task.config.data.test)
        path.write_text(line + "\n")
        with pytest.raises(KpError, match="KP620") as caught:
            list(task.examples("test"))
        assert caught.value.problems[0].where.startswith(f"{path}:1") or line == "[1]"

    def test_a_repeated_id_is_an_error(self, make):
        with pytest.raises(KpError, match="KP622"):
            list(make(test=[{**PARIS, "id": "a"}] * 2).examples("test"))

    @pytest.mark.parametrize(
        "text",
        [
            "[",
            "[]",
            '{"a": 3}',
            '{"a": "no place"}',
            '{"a": "[X] in", "a": "[X] at"}',
            "[" * 100_000,
        ],
    )
    def test_a_malformed_file_of_templates_is_an_error(self, make, text):
        task = make()
        Path(task.config.templates).write_text(text)
        with pytest.raises(KpError, match="KP660"):
            list(task.examples("test"))

    @pytest.mark.parametrize("text", ['{"Q1": "Ulm", "Q1": "Bonn"}', "{", '{"Q1":' * 100_000])
    def test_a_malformed_file_of_names_is_an_error(self, make, tmp_path, text):
        (tmp_path / "names.json").write_text(text)
        task = make(test=["Q1\tborn\tQ2"], labels=str(tmp_path / "names.json"))
        with pytest.raises(KpError, match="KP620"):
            list(task.examples("test"))


class TestLeavingOut:
    TEST = (
        PARIS,
        {**PARIS, "id": "long", "answers": ["the intermittent town"]},
        {**PARIS, "id": "none", "answers": [" "]},
        {**without(PARIS, "subject"), "id": "lost", "relation": "unknown"},
        {**PARIS, "id": "bare", "subject": {"start": 29, "end": 35}},
    )

    def test_everything_left_out_is_counted_by_reason(self, make):
        task = make(test=self.TEST)
        assert [e.id for e in task.examples("test")] == ["1", "bare"]
        assert task.counts() == {
            "test, left out: no answer": 1,
            "test, left out: no answer of one token": 1,
            "test, left out: subject not found in the text": 1,
        }

    def test_subjects_without_an_entity_go_where_that_is_asked(self, make):
        task = make(test=self.TEST, subjects="with-entity")
        assert [e.id for e in task.examples("test")] == ["1"]
        assert task.counts()["test, left out: subject without an entity"] == 1

    def test_the_published_filter_keeps_names_that_are_listed_with_their_case(self, make, tmp_path):
        names = lines(tmp_path / "names.txt", ["france\tQ142", "Ulm\tQ1"])
        with pytest.raises(KpError, match="KP661") as caught:
            list(make(subjects="listed", names=names).examples("test"))
        assert "subject not among the names: 1" in str(caught.value)
        names = lines(tmp_path / "names.txt", ["France\tQ142"])
        assert len(list(make(subjects="listed", names=names).examples("test"))) == 1

    def test_an_unknown_token_is_no_answer(self, make):
        with pytest.raises(KpError, match="KP661"):
            list(make(test=[{**PARIS, "answers": ["巴黎", "[MASK]"]}]).examples("test"))

    def test_options_without_effect_are_refused(self, make, tmp_path):
        for options in ({"subjects": "listed"}, {"names": lines(tmp_path / "n", [])}):
            with pytest.raises(ValidationError, match="listed"):
                make(**options)
        for options in ({"score": "sum"}, {"candidates": 3}, {"seed": 1}):
            with pytest.raises(ValidationError, match="likelihood"):
                make(**options)


class TestSingleToken:
    def test_the_first_answer_of_one_token_is_trained_on_and_any_is_right(self, make):
        task = make()
        (example,) = task.examples("test")
        assert example.target["words"] == ["paris", "lyon"]
        tokenizer = task.context.tokenizer()
        logits = np.zeros((3, len(tokenizer)), dtype=np.float32)
        for row, word in enumerate(["lyon", "paris", "born"]):
            logits[row, tokenizer.convert_tokens_to_ids(word)] = 2
        decisions = task.decide(logits, {})
        assert decisions == ["lyon", "paris", "born"]
        targets = [example.target] * 3
        assert task.score(task.statistics(decisions, targets).sum(0)) == {"accuracy": 2 / 3}
        assert [task.quality(d, example.target) for d in decisions] == [1, 1, 0]
        gold = tokenizer.convert_tokens_to_ids("paris")
        loss = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor([gold] * 3))
        assert task.loss(torch.tensor(logits), targets) == loss

    def test_a_cased_vocabulary_keeps_the_case_of_answers(self, make):
        known = {**PARIS, "answers": ["Of", "of"]}  # the tiny vocabulary's own words are few
        task = make(test=[known], architecture="roberta")
        (example,) = task.examples("test")
        assert example.target["words"] == ["Ġof"]
        assert hidden(example.segments[0]) == ["of"]
        assert task.show("Ġof", example) == "of"
        assert task.show(example.target, example) == "Of, of"

    def test_own_text_hides_one_token_at_its_end(self, make):
        task = make()
        segment = task.segment(PARIS["question"], [(29, 35)])
        (example,) = task.examples("test")
        assert [e.at for e in segment.edits] == [e.at for e in example.segments[0].edits]
        assert len(hidden(segment)) == 1
        with pytest.raises(KpError, match="KP624"):
            task.segment(PARIS["question"], [])


CITIES = [
    {
        "id": f"q{i}",
        "question": f"Where was N{i} born?",
        "subject": {"start": 10, "end": 11 + len(str(i))},
        "answers": [f"New City {i}", f"Big Town {i}"],
        "relation": "born",
    }
    for i in range(6)
]


class TestLikelihood:
    def options(self, **more):
        return {"protocol": "likelihood", "train": CITIES[:3], "test": CITIES[3:], **more}

    def test_the_gold_answer_stands_among_wrong_ones_of_train_and_the_split(self, make):
        task = make(**self.options())
        for i, example in enumerate(task.examples("test"), 3):
            candidates = example.target["candidates"]
            assert candidates[example.target["gold"]] == f"New City {i}"
            assert len(candidates) == 11
            assert f"Big Town {i}" not in candidates
            assert candidates == sorted(candidates)
            assert [hidden(s) for s in example.segments] == [[c] for c in candidates]
            assert example.inputs == tuple((k,) for k in range(11))

    def test_training_has_the_first_answer_alone(self, make):
        example = next(make(**self.options()).examples("train"))
        assert example.inputs == ((0,),)
        assert hidden(example.segments[0]) == ["New City 0"]

    def test_wrong_candidates_are_drawn_by_seed_and_question(self, make):
        def drawn(**options):
            task = make(**self.options(candidates=3, **options))
            return {e.id: e.target["candidates"] for e in task.examples("test")}

        assert drawn() == drawn()
        assert drawn() != drawn(seed=1)
        assert all(len(own) == 4 for own in drawn().values())
        alone = make(**self.options(candidates=3))
        Path(alone.config.data.train).write_text("".join(json.dumps(c) + "\n" for c in CITIES[:3]))
        assert {e.id: e.target["candidates"] for e in alone.examples("test")} == drawn()

    def test_relations_with_fewer_answers_are_filled_up_with_inputs_that_hide_nothing(self, make):
        few = [{**PARIS, "answers": [name], "id": name} for name in ("Paris", "Lyon")]
        task = make(**self.options(test=[*CITIES[3:], *few]))
        examples = list(task.examples("test"))
        assert {len(e.inputs) for e in examples} == {11}
        last = examples[-1]
        assert last.target["candidates"] == ["Lyon", "Paris"]
        assert len(last.segments) == 3
        assert not last.segments[2].edits
        assert last.inputs[2:] == ((2,),) * 9

    def test_a_question_without_a_wrong_candidate_is_left_out_and_counted(self, make):
        task = make(**self.options(test=[*CITIES[3:], PARIS]))
        assert len(list(task.examples("test"))) == 3
        assert task.counts() == {"test, left out: no wrong candidate": 1}

    def test_decisions_order_the_candidates_and_fillers_are_none(self, make):
        task = make(**self.options())
        scores = np.array([[-1, -3, -2, -np.inf], [-5, -4, -4, -9]], dtype=np.float32)[..., None]
        decisions = task.decide(scores, {})
        assert decisions == [[0, 2, 1], [1, 2, 0, 3]]
        targets = [{"gold": 2, "answers": ["c"], "candidates": list("abc")}] * 2
        score = task.score(task.statistics(decisions, targets).sum(0))
        assert score == {"accuracy": 0.0, "mean_reciprocal_rank": 0.5}
        targets[0] = {**targets[0], "gold": 0}
        assert task.score(task.statistics(decisions, targets).sum(0)) == {
            "accuracy": 0.5,
            "mean_reciprocal_rank": 0.75,
        }

    def test_the_loss_is_the_mean_negative_likelihood(self, make):
        task = make(**self.options())
        assert task.loss(torch.tensor([[-1.0], [-3.0]]), [None, None]) == 2.0

    def test_the_option_names_what_is_read(self, make):
        assert make(**self.options()).reads == "likelihood"
        assert make(**self.options(score="sum")).reads == "total-likelihood"
        assert make().reads == "words"
        assert make().needs_tokenizer
        assert not make(**self.options()).needs_tokenizer

    def test_the_best_candidate_is_shown(self, make):
        task = make(**self.options())
        example = next(task.examples("test"))
        assert task.show([1, 0], example) == example.target["candidates"][1]
        assert task.show([1, 0]) == "candidate 1"

    def test_own_text_has_no_candidates(self, make):
        with pytest.raises(KpError, match="KP662"):
            make(**self.options()).segment("Where is Ulm?", [(9, 12)])


XFACTR = DATA / "no-licence-stated/x-factr/mTREx.tar.gz"
SIMPLE = DATA / "wikidata/simplequestions/annotated_wd_data_valid.txt.gz"
ENTITY_QUESTIONS = DATA / "wikidata/entityquestions/relation_query_templates.json"


@pytest.mark.parametrize("section", [Splits, Limits])
def test_what_concerns_test_questions_alone_retrains_nothing(section):
    marked = [n for n, field in section.model_fields.items() if OnlyTest() in field.metadata]
    assert marked == ["test"]


@pytest.mark.skipif(not XFACTR.is_file(), reason="the X-FACTR facts are not here")
def test_facts_of_x_factr_become_questions_of_the_published_templates(make, tmp_path):
    with tarfile.open(XFACTR) as archive:
        file = archive.extractfile("mTREx/P19.jsonl")
        assert file is not None
        (tmp_path / "P19.jsonl").write_bytes(file.read())
    task = make(protocol="likelihood", templates=str(ENTITY_QUESTIONS), candidates=5)
    data = task.config.data.model_copy(update={"test": str(tmp_path / "P19.jsonl")})
    task.config = task.config.model_copy(update={"data": data})
    examples = list(task.examples("test"))
    counted = sum(task.counts().values())
    facts = len((tmp_path / "P19.jsonl").read_text("utf-8").splitlines())
    assert 900 < len(examples) <= facts - counted
    for example in examples:
        (mention,) = example.segments[0].mentions
        text = example.segments[0].text
        assert text == f"Where was {text[mention.start : mention.end]} born?"
        assert mention.entity.startswith("Q")


@pytest.mark.skipif(not SIMPLE.is_file(), reason="the SimpleQuestions files are not here")
def test_lines_of_simple_questions_are_not_facts_and_are_refused_by_line(make, tmp_path):
    path = tmp_path / "simple.txt"
    path.write_bytes(gzip.decompress(SIMPLE.read_bytes()))
    task = make()
    data = task.config.data.model_copy(update={"test": str(path)})
    task.config = task.config.model_copy(update={"data": data})
    with pytest.raises(KpError, match=r"simple\.txt:1"):
        list(task.examples("test"))
