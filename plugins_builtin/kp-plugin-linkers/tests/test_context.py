import pytest
from kp_plugin_linkers.config import GazetteerConfig
from kp_plugin_linkers.gazetteer import GazetteerLinker

from kpframework.api import Context, Entity, KBProvider, Mention, Segment, Triple
from kpframework.kb.store import build_store


class Banks(KBProvider):
    """Two banks told apart by a description, two mercuries by their neighbours."""

    def __init__(self):
        super().__init__(None, Context())

    def entities(self):
        yield Entity("B1", "bank", (), (0.6,), (), "An institution that lends money.")
        yield Entity("B2", "bank", (), (0.4,), (), "Sloping land beside a river.")
        yield Entity("M1", "mercury")
        yield Entity("M2", "Mercury")
        yield Entity("N1", "planet")
        yield Entity("N2", "metal")

    def triples(self):
        yield Triple("M1", "kind", "N1")
        yield Triple("N2", "kinds", "M2")


@pytest.fixture
def linker(tmp_path, monkeypatch):
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    store = build_store(Banks(), tmp_path / "kb", "kb", Context())

    def build(**options):
        made = GazetteerLinker(
            GazetteerConfig(**{"ambiguity": "context", "casing": "ignore"} | options), Context()
        )
        made.prepare(store)
        return made

    return build


def entities(linker, text):
    return [m.entity for m in linker.link([Segment(text)])[0]]


def test_the_words_around_decide_by_the_description(linker):
    made = linker()
    assert entities(made, "the bank of a river") == ["B2"]
    assert entities(made, "the bank lends") == ["B1"]


def test_the_words_around_decide_by_the_neighbours_on_either_side_of_a_triple(linker):
    made = linker()
    assert "M1" in entities(made, "mercury, the planet")
    assert "M2" in entities(made, "mercury, the metal")


def test_where_the_context_tells_nothing_the_prior_decides(linker):
    made = linker()
    assert entities(made, "some bank") == ["B1"]
    assert entities(made, "mercury") == ["M1"]
    assert made.statistics()["ambiguous_mentions"] == 2
    assert made.statistics().get("decided_by_context", 0) == 0


def test_statistics_tell_how_mentions_were_decided(linker):
    made = linker()
    entities(made, "the bank of a river")
    entities(made, "the bank lends money")
    counts = made.statistics()
    assert (counts["ambiguous_mentions"], counts["decided_by_context"]) == (2, 2)
    assert counts["changed_by_context"] == 1


def test_a_knowledge_base_without_an_ambiguous_name_needs_no_profiles(tmp_path, monkeypatch):
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Banks, "entities", lambda self: iter([Entity("B1", "bank")]))
    monkeypatch.setattr(Banks, "triples", lambda self: iter([Triple("B1", "kind", "B1")]))
    made = GazetteerLinker(GazetteerConfig(ambiguity="context"), Context())
    made.prepare(build_store(Banks(), tmp_path / "kb", "kb", Context()))
    assert entities(made, "the bank of a river") == ["B1"]


def test_a_weight_of_zero_leaves_the_choice_to_the_prior(linker):
    assert entities(linker(context_weight=0), "the bank of a river") == ["B1"]


def test_words_farther_away_than_asked_for_do_not_count(linker):
    text = "the bank is what one sees far away beside a river"
    assert entities(linker(), text) == ["B2"]
    assert entities(linker(context_words=3), text) == ["B1"]


def test_the_mention_itself_is_no_context_of_its_own(linker):
    made = linker()
    assert entities(made, "bank") == ["B1"]
    assert made.statistics().get("decided_by_context", 0) == 0


def test_spans_are_decided_as_well_and_keep_their_role(linker):
    made = linker(scope="spans")
    segment = Segment("the bank of a river", (Mention(4, 8, role="head"),))
    assert made.link([segment]) == [[Mention(4, 8, "B2", 0.4, "head")]]


def test_candidates_come_in_the_order_of_their_weight(linker):
    segment = Segment("the bank of a river")
    [[choices]] = linker().candidates([segment])
    assert [choice.entity for choice in choices] == ["B2", "B1"]
    [[choices]] = linker(ambiguity="prior").candidates([segment])
    assert [(choice.entity, choice.score) for choice in choices] == [("B1", 0.6), ("B2", 0.4)]


def test_alone_and_in_a_batch_the_choice_is_the_same(linker):
    made = linker()
    segments = [Segment("the bank of a river"), Segment("the bank lends"), Segment("mercury metal")]
    assert made.link(segments) == [made.link([segment])[0] for segment in segments]
