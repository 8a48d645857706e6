import numpy as np
import pytest
from kp_plugin_prompt.config import PromptConfig
from kp_plugin_prompt.injector import MOST, Prompt
from kp_plugin_prompt.verbalise import clean
from pydantic import ValidationError

from kpframework.api import Context, Insertion, Literal, Mention, Segment
from kpframework.api.kb import EntityInfo
from kpframework.cli.root import run
from kpframework.inject.encoding import EditedSegment, InputEncoder, SourcedEdit
from kpframework.testing.project import tiny_project
from kpframework.testing.tiny import tiny_tokenizer

INFOS = {
    "A": EntityInfo("A", "aspirin", description="A drug. It thins the blood. It is old."),
    "B": EntityInfo("B", "pain"),
    "C": EntityInfo("C", "fever"),
    "D": EntityInfo("D", "willow\x00bark\n[SEP]"),
}


class Base:
    entity_ids = ("A", "B", "C", "D")
    relations = ("made_from", "treats")
    triples = np.array([[0, 0, 3], [0, 1, 1], [0, 1, 2]])

    def row(self, entity):
        return self.entity_ids.index(entity) if entity in self.entity_ids else None

    def info(self, entity):
        return INFOS[entity]


def prompt(**options):
    injector = Prompt(PromptConfig(**options), Context())
    injector.prepare(Base())
    return injector


def text_of(edits):
    return [piece.text for edit in edits for piece in edit.pieces]


def made(text="Take aspirin against fever", entity="A", **options):
    start = text.index("aspirin")
    mention = Mention(start, start + 7, entity, role="head")
    return prompt(**options).edits(Segment(text), [mention])


def test_the_description_comes_first_then_triples_in_words():
    (text,) = text_of(made(max_triples=2))
    assert text == "A drug. aspirin treats fever. aspirin made from willow bark [SEP]."


def test_triples_whose_words_stand_in_the_text_come_first():
    (text,) = text_of(made("aspirin against pain", description=False, max_triples=1))
    assert text == "aspirin treats pain."


@pytest.mark.parametrize(
    ("rank", "first"), [("rare", "aspirin made from"), ("frequent", "aspirin treats")]
)
def test_triples_can_be_ranked_by_how_frequent_their_relation_is(rank, first):
    (text,) = text_of(made(description=False, rank=rank))
    assert text.startswith(first)


def test_a_relation_reads_as_its_template_says():
    templates = {"treats": "{tail} is helped by {head}"}
    (text,) = text_of(made(description=False, max_triples=1, templates=templates))
    assert text == "fever is helped by aspirin."


def test_a_template_without_a_tail_is_refused():
    with pytest.raises(ValidationError, match="tail"):
        PromptConfig(templates={"treats": "{head} helps"})


def test_triples_that_end_in_the_entity_are_shown_on_request():
    mention = Mention(0, 5, "C")
    segment = Segment("fever was high")
    assert prompt(description=False).edits(segment, [mention]) == []
    (text,) = text_of(prompt(description=False, inverse=True).edits(segment, [mention]))
    assert text == "aspirin treats fever."


class Hub:
    """Entity 0 is where the triples of all others end; what is asked of the base is counted."""

    relations = ("cites", "knows", "likes")

    def __init__(self, entities, seed=0):
        generator = np.random.default_rng(seed)
        self.entity_ids = tuple(f"Q{i:06}" for i in range(entities))
        relation = generator.choice(3, entities - 1, p=[0.6, 0.3, 0.1])
        heads = np.arange(1, entities)
        self.triples = np.stack([heads, relation, np.zeros_like(heads)], axis=1)
        self.asked = 0

    def row(self, entity):
        return int(entity[1:])

    def info(self, entity):
        self.asked += 1
        return EntityInfo(entity, f"name {self.row(entity) // 3}")  # some names are shared


WORDS = "name 7 likes hub and name 2 knows"


@pytest.mark.parametrize("rank", ["overlap", "rare", "frequent"])
def test_triples_come_in_the_order_of_a_sort_of_them_all(rank):
    base = Hub(60)
    injector = Prompt(PromptConfig(rank=rank, inverse=True, description=False), Context())
    injector.prepare(base)
    (edit,) = injector.edits(Segment(WORDS), [Mention(13, 16, "Q000000")])
    often, words = np.bincount(base.triples[:, 1]), set(WORDS.split())
    said = {}
    for head, relation, tail in base.triples.tolist():
        names = [base.info(base.entity_ids[row]).name for row in (head, tail)]
        said.setdefault(f"{names[0]} {base.relations[relation]} {names[1]}", int(relation))
    by = {
        "overlap": lambda text: -len(words & set(text.split())),
        "rare": lambda text: often[said[text]],
        "frequent": lambda text: -often[said[text]],
    }
    assert text_of([edit]) == [". ".join(sorted(said, key=by[rank])[:4]) + "."]


@pytest.mark.parametrize("rank", ["overlap", "rare", "frequent"])
def test_of_a_hub_no_more_triples_are_named_than_a_bound_and_those_once(rank):
    base = Hub(50_000)
    injector = Prompt(PromptConfig(rank=rank, inverse=True, description=False), Context())
    injector.prepare(base)
    mentions = [Mention(13, 16, "Q000000")]
    first = injector.edits(Segment(WORDS), mentions)
    named = base.asked
    assert named <= MOST + 1
    assert injector.edits(Segment(WORDS), mentions) == first
    assert base.asked == named
    relation = "cites" if rank == "frequent" else "likes"
    assert text_of(first)[0].count(f" {relation} ") == 4


def test_what_was_said_of_an_entity_is_not_said_again():
    mentions = [Mention(0, 7, "A"), Mention(12, 19, "A")]
    edits = prompt().edits(Segment("aspirin and aspirin"), mentions)
    assert len(edits) == 1


def test_strings_of_the_knowledge_base_become_one_printable_line():
    assert clean("a\tb\x00c\u202e\n d") == "a b c d"


@pytest.mark.parametrize(
    ("position", "at", "side"),
    [("before", 0, "before"), ("after", 26, "after"), ("mention", 12, "after")],
)
def test_text_stands_where_the_options_say(position, at, side):
    (edit,) = made(position=position)
    assert isinstance(edit, Insertion)
    assert (edit.at, edit.side) == (at, side)


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer("bert-classifier")


def encoded(
    tokenizer, max_length, limit, text="the patient has long fingers", knowledge="fever " * 9
):
    markers = [
        SourcedEdit(Insertion(4, (Literal("#"),))),
        SourcedEdit(Insertion(11, (Literal("#"),), side="after")),
    ]
    said = SourcedEdit(Insertion(0, (Literal(knowledge, limit),), rank=-1))
    encoder = InputEncoder(tokenizer, max_length)
    return encoder.encode([[EditedSegment(text, (*markers, said))]])[0]


def test_knowledge_is_cut_to_its_budget(tokenizer):
    whole = encoded(tokenizer, 200, 1000)
    short = encoded(tokenizer, 200, 3)
    assert whole.dropped == short.dropped == 0
    bare = len(encoded(tokenizer, 200, 0).input_ids)
    assert len(short.input_ids) == bare + 3
    assert len(whole.input_ids) > bare + 3


def test_knowledge_never_pushes_out_the_users_text_or_a_marker(tokenizer):
    bare = encoded(tokenizer, 200, 0)
    full = encoded(tokenizer, len(bare.input_ids) + 2, 1000)
    assert full.dropped == 0
    assert len(full.input_ids) == len(bare.input_ids) + 2
    marker = tokenizer("#", add_special_tokens=False)["input_ids"][0]
    assert full.input_ids.count(marker) == bare.input_ids.count(marker) == 2
    assert encoded(tokenizer, len(bare.input_ids), 1000).input_ids == bare.input_ids


def test_a_special_token_in_the_knowledge_base_stays_ordinary_text(tokenizer):
    for knowledge in ("x [SEP] y", "[MASK]", "[CLS] [PAD]"):
        item = encoded(tokenizer, 200, 1000, knowledge=knowledge)
        own = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
        specials = [i for i in item.input_ids if i in own]
        assert specials == [tokenizer.cls_token_id, tokenizer.sep_token_id]


def test_a_row_needs_no_vectors_and_trains_nothing(tmp_path):
    rows = [{"id": "frozen", "type": "none"}, {"id": "prompt", "type": "prompt"}]
    spec = tiny_project(tmp_path, injections=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        assert run(["run", str(spec), "-o", str(tmp_path / "out")]) == 0
    made_steps = {
        path.parent.parent.name for path in (tmp_path / "cache").glob("*/*/*/manifest.json")
    }
    assert "embeddings" not in made_steps
