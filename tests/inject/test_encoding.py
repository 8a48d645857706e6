from __future__ import annotations

import pytest

from kpframework.api import Anchor, Blank, Insertion, Literal, Mask, Replacement, Slot
from kpframework.errors import KpError
from kpframework.inject.encoding import EditedSegment, InputEncoder, SourcedEdit
from kpframework.testing.tiny import TEXTS, tiny_tokenizer

FAMILIES = ["bert", "roberta", "gpt2", "deberta-v2"]
TEXT = TEXTS[2]


@pytest.fixture(params=FAMILIES)
def tokenizer(request):
    return tiny_tokenizer(request.param)


def at(word: str) -> tuple[int, int]:
    start = TEXT.index(word)
    return start, start + len(word)


def slot(word: str, *, required: bool = True) -> SourcedEdit:
    return SourcedEdit(
        Insertion(at(word)[0], (Slot("E1"), Literal("/")), rank=1), required=required
    )


def marked(word: str, marker: str = "$") -> list[SourcedEdit]:
    start, end = at(word)
    pieces = (Literal(marker),)
    return [
        SourcedEdit(Insertion(start, pieces)),
        SourcedEdit(Insertion(end, pieces, "after")),
    ]


def encode(tokenizer, edits=(), max_length=256, text=TEXT):
    return InputEncoder(tokenizer, max_length).encode([[EditedSegment(text, tuple(edits))]])[0]


@pytest.mark.parametrize("max_length", [8, 16, 64])
def test_without_edits_the_ids_are_the_tokenizers_own(tokenizer, max_length):
    expected = tokenizer(TEXT, truncation=True, max_length=max_length)["input_ids"]
    assert encode(tokenizer, max_length=max_length).input_ids == expected


def test_pairs_without_edits_are_the_tokenizers_own(tokenizer):
    if tokenizer.bos_token_id is not None and tokenizer.sep_token_id is None:
        pytest.skip("a decoder has no pair form")
    pair = [EditedSegment(TEXTS[0]), EditedSegment(TEXTS[1])]
    encoded = InputEncoder(tokenizer, 256).encode([pair])[0]
    expected = tokenizer(TEXTS[0], TEXTS[1])
    assert encoded.input_ids == expected["input_ids"]
    if "token_type_ids" in expected:
        assert encoded.token_types == expected["token_type_ids"]


def test_an_over_long_pair_is_cut_longest_first():
    tokenizer = tiny_tokenizer("bert")
    encoder = InputEncoder(tokenizer, 24)
    encoded = encoder.encode([[EditedSegment(TEXTS[0]), EditedSegment(TEXTS[2])]])[0]
    expected = tokenizer(TEXTS[0], TEXTS[2], truncation="longest_first", max_length=24)
    assert encoded.input_ids == expected["input_ids"]


def test_the_users_own_tokens_stay_in_order_around_a_slot(tokenizer):
    encoded = encode(tokenizer, [slot("Paris")])
    own = [i for i, origin in zip(encoded.input_ids, encoded.origin, strict=True) if origin >= 0]
    assert own == tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    assert [origin for origin in encoded.origin if origin >= 0] == list(range(len(own)))


def test_a_slot_stands_before_the_mention_inside_the_markers():
    tokenizer = tiny_tokenizer("bert")
    encoded = encode(tokenizer, [*marked("Paris"), slot("Paris")])
    words = tokenizer.convert_ids_to_tokens(encoded.input_ids)
    place = encoded.entities[0][0]
    assert words[place - 1 : place + 2] == ["$", "[UNK]", "/"]
    assert tokenizer.decode(encoded.input_ids[place + 2 :]).startswith("paris $")


def test_replace_puts_the_slot_in_the_place_of_the_mention():
    tokenizer = tiny_tokenizer("bert")
    edit = SourcedEdit(Replacement(*at("Paris"), (Slot("E1"),)))
    encoded = encode(tokenizer, [*marked("Paris"), edit])
    words = tokenizer.convert_ids_to_tokens(encoded.input_ids)
    place = encoded.entities[0][0]
    assert words[place - 1 : place + 2] == ["$", "[UNK]", "$"]


def test_masking_targets_exactly_the_mentions_pieces(tokenizer):
    if tokenizer.mask_token_id is None:
        with pytest.raises(KpError, match="KP703"):
            encode(tokenizer, [SourcedEdit(Mask(*at("Marchi")))])
        return
    encoded = encode(tokenizer, [SourcedEdit(Mask(*at("Marchi")))])
    plain = encode(tokenizer)
    masked = [i for i, t in enumerate(encoded.input_ids) if t == tokenizer.mask_token_id]
    assert masked == [position for position, _ in encoded.targets]
    assert [token for _, token in encoded.targets] == [plain.input_ids[i] for i in masked]
    pieces = tokenizer.decode([t for _, t in encoded.targets]).replace(" ", "")
    assert pieces.lower() == "marchi"


def test_an_anchor_marks_the_first_piece_and_inserts_nothing(tokenizer):
    encoded = encode(tokenizer, [SourcedEdit(Anchor(*at("Marchi"), "E5"))])
    plain = encode(tokenizer)
    assert encoded.input_ids == plain.input_ids
    (position, _, entity) = encoded.entities[0]
    assert entity == "E5"
    assert position == encode(tokenizer, [slot("Marchi")]).entities[0][0]


@pytest.mark.parametrize("max_length", range(12, 40))
def test_truncation_never_drops_a_marker_or_a_required_slot(tokenizer, max_length):
    encoded = encode(tokenizer, [*marked("Paris"), slot("Paris")], max_length)
    dollar = InputEncoder(tokenizer, 64).special.literal("$")
    ids = [i for i, o in zip(encoded.input_ids, encoded.origin, strict=True) if o < 0]
    text = " ".join(map(str, ids))
    assert text.count(" ".join(map(str, dollar))) >= 2
    assert len(encoded.entities) == 1
    assert len(encoded.input_ids) <= max_length


def test_a_mention_nobody_requires_goes_with_its_text():
    tokenizer = tiny_tokenizer("bert")
    encoded = encode(tokenizer, [*marked("Jean"), slot("lives", required=False)], 16)
    assert encoded.entities == []
    assert encoded.dropped > 0


def test_what_cannot_fit_is_refused_with_the_text_named():
    tokenizer = tiny_tokenizer("bert")
    with pytest.raises(KpError, match="KP702") as caught:
        encode(tokenizer, [*marked("Jean"), *marked("Paris"), slot("Paris")], 8)
    assert "max_length" in caught.value.problems[0].fix


def test_markers_in_the_text_itself_are_no_markers():
    tokenizer = tiny_tokenizer("bert")
    text = "# $ / Paris # $ /"
    start = text.index("Paris")
    edits = (SourcedEdit(Insertion(start, (Slot("E1"),))),)
    encoded = InputEncoder(tokenizer, 64).encode([[EditedSegment(text, edits)]])[0]
    own = [i for i, o in zip(encoded.input_ids, encoded.origin, strict=True) if o >= 0]
    assert own == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_the_tokenizer_is_never_changed(tokenizer):
    before = dict(tokenizer.get_vocab())
    encode(tokenizer, [*marked("Paris"), slot("Paris")])
    assert tokenizer.get_vocab() == before


def test_an_empty_text_is_just_its_frame(tokenizer):
    assert encode(tokenizer, text="").input_ids == tokenizer("")["input_ids"]


def test_a_tokenizer_without_offsets_is_refused():
    with pytest.raises(KpError, match="KP701"):
        InputEncoder(object(), 16)


def test_text_with_a_limit_gives_way_to_the_users_own_tokens(tokenizer):
    text = "we went to Lyon again"
    said = SourcedEdit(Insertion(0, (Literal("the weather was fine " * 3, limit=8),)))
    bare = InputEncoder(tokenizer, 64).encode([[EditedSegment(text)]])[0]
    for room in (0, 3, 8, 20):
        encoder = InputEncoder(tokenizer, len(bare.input_ids) + room)
        (item,) = encoder.encode([[EditedSegment(text, (said,))]])
        assert item.dropped == 0
        assert len(item.input_ids) == len(bare.input_ids) + min(room, 8)


def test_a_blank_is_one_mask_token_and_a_target(tokenizer):
    if tokenizer.mask_token_id is None:
        pytest.skip("a decoder has no mask token")
    edit = SourcedEdit(Replacement(11, 15, (Blank(),)))
    item = encode(tokenizer, [edit], text="we went to Lyon again")
    position = item.input_ids.index(tokenizer.mask_token_id)
    assert item.targets == [(position, tokenizer.mask_token_id)]
    assert item.input_ids.count(tokenizer.mask_token_id) == 1


def test_what_reads_like_a_special_token_in_inserted_text_stays_text(tokenizer):
    special = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
    said = Literal(" ".join(tokenizer.all_special_tokens))
    bare = encode(tokenizer, text="Lyon")
    item = encode(tokenizer, [SourcedEdit(Insertion(0, (said,)))], text="Lyon")
    assert len(item.input_ids) > len(bare.input_ids)
    assert [i for i in item.input_ids if i in special] == [
        i for i in bare.input_ids if i in special
    ]


def known(edit, *, required: bool = False) -> SourcedEdit:
    return SourcedEdit(edit, required=required, knowledge=True)


def said_before(words: str) -> SourcedEdit:
    return known(Insertion(0, (Literal(words, 20),), rank=-1))


def test_knowledge_as_text_that_gave_way_is_counted_as_wanted_and_not_kept():
    tokenizer = tiny_tokenizer("bert")
    plain = encode(tokenizer)
    words = "paris lyon paris lyon"
    whole = encode(tokenizer, [said_before(words)])
    assert (whole.wanted, whole.kept, whole.added) == (4, 4, 4)
    assert len(whole.input_ids) == len(plain.input_ids) + 4
    part = encode(tokenizer, [said_before(words)], len(plain.input_ids) + 1)
    assert (part.wanted, part.kept, part.added, part.dropped) == (4, 1, 1, 0)
    none = encode(tokenizer, [said_before(words)], len(plain.input_ids))
    assert (none.wanted, none.kept, none.added) == (4, 0, 0)
    assert none.input_ids == plain.input_ids


def test_a_slot_counts_though_it_pushes_out_as_many_of_the_users_tokens():
    tokenizer = tiny_tokenizer("bert")
    length = len(encode(tokenizer).input_ids)
    edits = [known(Insertion(at("Paris")[0], (Slot("E1"), Literal("/"))), required=True)]
    full = encode(tokenizer, edits, length)
    assert len(full.input_ids) == length
    assert (full.wanted, full.kept, full.added, full.dropped) == (2, 2, 2, 2)


def test_a_slot_in_the_place_of_a_mention_adds_what_the_mention_had_less():
    tokenizer = tiny_tokenizer("bert")
    plain = encode(tokenizer)
    edit = known(Replacement(0, at("Marchi")[1], (Slot("E1"),)), required=True)
    replaced = encode(tokenizer, [edit])
    assert (replaced.wanted, replaced.kept) == (1, 1)
    assert replaced.added == len(replaced.input_ids) - len(plain.input_ids) < 0


def test_a_mark_that_truncation_took_is_wanted_and_not_kept():
    tokenizer = tiny_tokenizer("bert")
    last = TEXT.rindex(" ") + 1
    mark = known(Anchor(last, len(TEXT), "E1"))
    whole, short = encode(tokenizer, [mark]), encode(tokenizer, [mark], 8)
    assert (whole.wanted, whole.kept, whole.added) == (1, 1, 0)
    assert (short.wanted, short.kept, short.entities) == (1, 0, [])


def test_what_a_task_asks_for_is_no_knowledge():
    encoded = encode(tiny_tokenizer("bert"), [*marked("Paris"), slot("Paris")])
    assert (encoded.wanted, encoded.kept, encoded.added) == (0, 0, 0)
