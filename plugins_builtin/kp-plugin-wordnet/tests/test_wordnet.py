import re
from collections import Counter, defaultdict
from itertools import chain
from pathlib import Path

import pytest
from kp_plugin_wordnet.config import WordNetConfig
from kp_plugin_wordnet.provider import WordNetProvider
from kp_plugin_wordnet.reader import tag_counts
from kp_plugin_wordnet.samples import write
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context

FOLDER = Path("/usr/share/wordnet")
HERE = (FOLDER / "data.noun").is_file()
needs_wordnet = pytest.mark.skipif(not HERE, reason="wordnet-base is not installed")
SYMBOLS = {"@": "hypernym", "~": "hyponym", "+": "derivationally_related", "!": "antonym"}


@pytest.fixture(scope="module")
def provider():
    return WordNetProvider(WordNetConfig(), Context())


@pytest.fixture(scope="module")
def entities(provider):
    return {entity.id: entity for entity in provider.entities()}


@pytest.fixture(scope="module")
def with_forms(provider):
    chosen = WordNetProvider(WordNetConfig(inflections=True), Context())
    chosen.__dict__.update(_reader=provider._reader, _synsets=provider._synsets)
    return list(chosen.entities())


@pytest.fixture(scope="module")
def inflected(with_forms):
    """The prior of each synset that a lower-case form may mean."""
    senses = defaultdict(dict)
    for entity in with_forms:
        for name, prior in zip((entity.name, *entity.aliases), entity.priors, strict=True):
            senses[name.lower()][entity.id] = prior
    return dict(senses)


@pytest.fixture(scope="module")
def likeliest(inflected):
    return lambda form: max(inflected[form.lower()].items(), key=lambda sense: sense[1])[0]


@pytest.fixture(scope="module")
def triples(provider):
    return list(provider.triples())


@pytest.fixture(scope="module")
def lines():
    """Fields before the gloss of every synset, by splitting lines alone."""
    rows = {}
    for name, pos in (("noun", "n"), ("verb", "v"), ("adj", "a"), ("adv", "r")):
        for line in (FOLDER / f"data.{name}").read_text(encoding="latin-1").splitlines():
            if not line.startswith("  "):
                fields = line.split("|")[0].split()
                rows[f"{fields[0]}-{pos}"] = fields
    return rows


@needs_wordnet
def test_every_line_of_the_data_files_is_an_entity(entities, lines):
    assert set(entities) == set(lines)
    assert len(entities) == 117_659


@needs_wordnet
def test_a_synset_has_lemmas_gloss_and_lexicographer_file(entities):
    dog = entities["02084071-n"]
    assert (dog.name, dog.aliases) == ("dog", ("domestic dog", "Canis familiaris"))
    assert dog.types == ("noun.animal",)
    assert dog.description.startswith("a member of the genus Canis")
    assert dog.description.endswith('; "the dog barked all night"')


@needs_wordnet
def test_satellite_adjectives_have_the_pos_of_the_file_they_live_in(entities, lines):
    satellites = [key for key, fields in lines.items() if fields[2] == "s"]
    assert len(satellites) > 10_000
    assert all(key.endswith("-a") and key in entities for key in satellites)


@needs_wordnet
def test_pointers_are_those_of_the_data_files(triples, lines):
    expected = defaultdict(set)
    for head, fields in lines.items():
        first = 5 + 2 * int(fields[3], 16)
        pointers = fields[first : first + 4 * int(fields[first - 1])]
        for symbol, offset, pos in zip(pointers[::4], pointers[1::4], pointers[2::4], strict=True):
            expected[symbol].add((head, f"{offset}-{pos.replace('s', 'a')}"))
    found = defaultdict(set)
    for triple in triples:
        found[triple.relation].add((triple.head, triple.tail))

    for symbol, relation in SYMBOLS.items():
        assert found[relation] == expected[symbol]
    # '<', the participle pointer, is the one that NLTK does not offer.
    assert sum(map(len, found.values())) == sum(
        len(pairs) for symbol, pairs in expected.items() if symbol != "<"
    )
    assert len(found) == 25


@needs_wordnet
def test_lexicographer_files_are_in_no_triple(entities, triples):
    types = {name for entity in entities.values() for name in entity.types}
    assert len(types) == 45
    assert not types & {end for triple in triples for end in (triple.head, triple.tail)}


@needs_wordnet
def test_the_first_sense_of_a_part_of_speech_has_the_highest_prior(entities):
    priors = defaultdict(dict)
    for entity in entities.values():
        for name, prior in zip((entity.name, *entity.aliases), entity.priors, strict=True):
            key = (name.lower().replace(" ", "_"), entity.id[-1])
            priors[key][entity.id] = max(prior, priors[key].get(entity.id, 0))
    checked = 0
    for name, pos in (("noun", "n"), ("verb", "v"), ("adj", "a"), ("adv", "r")):
        for line in (FOLDER / f"index.{name}").read_text(encoding="latin-1").splitlines():
            if not line.startswith("  "):
                fields = line.split()
                ranked = [f"{offset}-{pos}" for offset in fields[-int(fields[2]) :]]
                known = [priors[fields[0], pos][synset] for synset in ranked]
                assert known == sorted(known, reverse=True)
                assert len(known) == 1 or known[0] > known[1]
                checked += 1
    assert checked > 150_000


@needs_wordnet
def test_the_priors_of_a_name_sum_to_one_over_its_senses(entities):
    senses = defaultdict(dict)
    for entity in entities.values():
        for name, prior in zip((entity.name, *entity.aliases), entity.priors, strict=True):
            senses[name.lower()][entity.id] = prior
    assert all(abs(sum(of_name.values()) - 1) < 1e-9 for of_name in senses.values())


@needs_wordnet
def test_an_inflected_form_means_the_first_sense_of_its_lemma(likeliest):
    # "said" is an adjective of its own, "are" a unit of area.
    assert likeliest("said") == likeliest("say") == "01009258-v"
    assert likeliest("were") == likeliest("are") == likeliest("be") == "02604760-v"
    assert likeliest("children") == likeliest("child") == "09917593-n"
    assert likeliest("Frenchmen") == likeliest("Frenchman")
    assert likeliest("called for") == likeliest("call for")


@needs_wordnet
def test_a_form_by_rule_is_no_other_word(likeliest, inflected):
    # see + -ed, be + -ed, hop + -ed, serf + -ves, foreign + -er
    for form, lemma in [("seed", "see"), ("bed", "be"), ("hoped", "hop"), ("serves", "serf")]:
        assert not set(inflected[form]) & set(inflected[lemma])
    assert likeliest("foreigner").endswith("-n")
    assert set(inflected["learned"]) >= set(inflected["learn"])
    assert "interestinger" not in inflected


@needs_wordnet
def test_the_priors_of_a_form_sum_to_one_over_all_that_is_written_so(inflected):
    assert all(abs(sum(of_name.values()) - 1) < 1e-9 for of_name in inflected.values())
    # to leave, the left side, left as an adjective
    assert {synset[-1] for synset in inflected["left"]} == set("vnar")


@needs_wordnet
def test_without_inflections_names_are_the_lemmas_of_the_data_files(entities, lines):
    for key, fields in lines.items():
        words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
        lemmas = [re.sub(r"\((a|p|ip)\)$", "", word).replace("_", " ") for word in words]
        assert [entities[key].name, *entities[key].aliases] == lemmas


@needs_wordnet
def test_inflections_come_after_the_names_there_are_without_them(entities, with_forms):
    for entity in with_forms:
        plain = entities[entity.id]
        names = (entity.name, *entity.aliases)
        assert names[: 1 + len(plain.aliases)] == (plain.name, *plain.aliases)
        assert (entity.types, entity.description) == (plain.types, plain.description)
    assert entities["01009258-v"].aliases == ("say", "tell")


@needs_wordnet
def test_tag_counts_come_from_the_database():
    counts = tag_counts(FOLDER)
    assert counts["dog%1:05:00::"] == 42
    assert sum(counts.values()) > 200_000


@needs_wordnet
def test_relations_can_be_chosen_and_excluded(provider, triples):
    def kinds(**options):
        chosen = WordNetProvider(WordNetConfig(**options), Context())
        chosen.__dict__.update(_reader=provider._reader, _synsets=provider._synsets)
        return Counter(triple.relation for triple in chosen.triples())

    everything = Counter(triple.relation for triple in triples)
    assert kinds(relations=["hypernym"]) == {"hypernym": everything["hypernym"]}
    without = kinds(exclude_relations=["hypernym", "hyponym"])
    assert without == everything - Counter(
        {name: everything[name] for name in ("hypernym", "hyponym")}
    )
    with pytest.raises(KpError, match="KP432"):
        kinds(relations=["hypernym"], exclude_relations=["hypernym"])


@needs_wordnet
@pytest.mark.parametrize(
    "options", [{"relations": ["hyponym"]}, {"exclude_relations": ["hypernym"]}]
)
def test_a_relation_whose_inverse_is_not_read_stays_without_inverses(provider, triples, options):
    chosen = WordNetProvider(WordNetConfig(inverses=False, **options), Context())
    chosen.__dict__.update(_reader=provider._reader, _synsets=provider._synsets)
    own = [triple for triple in chosen.triples() if triple.relation == "hyponym"]
    assert own == [triple for triple in triples if triple.relation == "hyponym"]


@needs_wordnet
def test_an_empty_list_of_relations_reads_none(provider):
    chosen = WordNetProvider(WordNetConfig(relations=[]), Context())
    chosen.__dict__.update(_reader=provider._reader, _synsets=provider._synsets)
    assert list(chosen.triples()) == []


@needs_wordnet
def test_without_inverses_two_synsets_are_joined_once_by_a_relation(triples):
    once = WordNetProvider(WordNetConfig(inverses=False), Context())
    kept = Counter((t.head, t.relation, t.tail) for t in once.triples())
    doubled = [
        (head, relation, tail)
        for head, relation, tail in kept
        if (tail, relation, head) in kept and head != tail
    ]
    assert not doubled
    inverse = {"hyponym": "hypernym", "part_meronym": "part_holonym"}
    both = {
        (frozenset((t.head, t.tail)), inverse.get(t.relation, t.relation))
        for t in triples
        if t.relation in {"hypernym", "hyponym", "part_meronym", "part_holonym", "antonym"}
    }
    one = {
        (frozenset((head, tail)), relation)
        for head, relation, tail in kept
        if relation in {"hypernym", "part_holonym", "antonym"}
    }
    assert one == both


@needs_wordnet
def test_the_release_is_what_the_files_say(provider):
    assert provider.metadata()["release"] == "WordNet 3.0"


@needs_wordnet
def test_reading_leaves_nltk_as_it_was(provider):
    import nltk.data

    assert str(FOLDER) not in nltk.data.path


def test_a_folder_without_a_database_is_an_error_with_the_command_that_installs_one(tmp_path):
    with pytest.raises(KpError, match=r"KP430(.|\n)*apt-get install wordnet-base"):
        list(WordNetProvider(WordNetConfig(path=str(tmp_path)), Context()).entities())


def test_a_malformed_database_is_an_error(tmp_path):
    for what in ("data", "index"):
        for pos in ("noun", "verb", "adj", "adv"):
            (tmp_path / f"{what}.{pos}").write_text("not a database\n")
    for name in ("noun", "verb", "adj", "adv"):
        (tmp_path / f"{name}.exc").write_text("")
    with pytest.raises(KpError, match="KP431"):
        list(WordNetProvider(WordNetConfig(path=str(tmp_path)), Context()).entities())


def test_a_malformed_synset_is_an_error_with_file_and_line(tmp_path):
    (options, *_) = write(tmp_path)["kb/wordnet"]
    folder = tmp_path / options.options["path"]
    lines = (folder / "data.noun").read_text(encoding="latin-1").splitlines(keepends=True)
    lines[2] = lines[2].replace(" n ", " ? ", 1)
    (folder / "data.noun").write_text("".join(lines), encoding="latin-1")
    with pytest.raises(KpError, match=r"data\.noun:3"):
        list(WordNetProvider(WordNetConfig(path=str(folder)), Context()).entities())


def _cut(data):
    return data[:-3]


def _without_last_line(data):
    return b"".join(data.splitlines(keepends=True)[:-1])


FAULTS = [
    ("data.noun", _cut, r"data\.noun:4\n.*ends within a line"),
    ("data.noun", _without_last_line, r"index\.noun:\d\n.*is not in data\.noun"),
    ("data.noun", lambda b: b.replace(b"\n", b"\r\n"), r"data\.noun:2\n.*is at byte 53"),
    ("data.noun", lambda b: b.replace(b"| ", b"| \xff", 1), r"data\.noun:3\n.*is at byte 137"),
    ("data.noun", lambda b: b + b.splitlines(keepends=True)[-1], r"data\.noun:5\n.*is at byte"),
    ("data.noun", lambda b: b.replace(b" n 0000", b" n 9999", 1), "KP431"),
    ("data.noun", lambda b: b"", r"index\.noun:\d\n.*is not in data\.noun"),
    ("index.noun", _cut, r"index\.noun:\d"),
    ("index.noun", lambda b: b"x\n" + b, r"index\.noun:1"),
    ("index.noun", _without_last_line, "KP431"),
    ("cntlist.rev", lambda b: b + b"one two\n", r"cntlist\.rev:\d"),
]


@pytest.mark.parametrize(("name", "change", "said"), FAULTS)
def test_hostile_files_are_an_error_with_their_place(tmp_path, name, change, said):
    (options, *_) = write(tmp_path)["kb/wordnet"]
    folder = tmp_path / options.options["path"]
    data = (folder / name).read_bytes() if (folder / name).is_file() else b""
    (folder / name).write_bytes(change(data))
    made = WordNetProvider(WordNetConfig(path=str(folder)), Context())
    with pytest.raises(KpError, match=said) as caught:
        list(chain(made.triples(), made.entities()))
    assert caught.value.code == "KP431"
    assert caught.value.problems[0].fix


def test_a_relation_that_is_not_wordnets_is_refused():
    with pytest.raises(ValidationError, match="exclude_relations"):
        WordNetConfig(path="/", exclude_relations=["hypernyms"])
