import codecs
import gzip

import numpy as np
import pytest
import torch
from kp_plugin_e_bert.alignment import Alignment
from kp_plugin_e_bert.config import EBertConfig
from kp_plugin_e_bert.injector import EBert, _words

from kpframework import KpError
from kpframework.api import Context, EntitySpace, Mention, Segment
from kpframework.cli.root import run
from kpframework.inject.attachment import Attachment
from kpframework.inject.freezing import fingerprint, freeze
from kpframework.inject.plug import plug
from kpframework.testing.project import tiny_project
from kpframework.testing.tiny import tiny_model, tiny_table, tiny_tokenizer
from kpframework.train.session import Session


class Names:
    """A knowledge base that knows names alone."""

    def __init__(self, names):
        self._names = names

    def names(self):
        for entity, name in self._names.items():
            yield name, entity, 1.0
            yield f"another name of {name}", entity, 1.0


def pairs(count=200, source=7, target=5, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, source)), generator.normal(size=(count, target))


def alignment(x, y):
    found = Alignment(x.shape[1], y.shape[1])
    for start in range(0, len(x), 64):
        found.add(x[start : start + 64], y[start : start + 64])
    return found


def test_least_squares_is_numpys():
    x, y = pairs()
    expected = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(alignment(x, y).least_squares(), expected, rtol=1e-8)


def test_with_fewer_pairs_than_dimensions_the_shortest_solution_is_taken():
    x, y = pairs(count=4)
    expected = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(alignment(x, y).least_squares(), expected, atol=1e-6)


@pytest.mark.parametrize(("source", "target"), [(5, 5), (4, 6), (6, 4)])
def test_procrustes_finds_a_rotation_again_and_keeps_lengths(source, target):
    generator = np.random.default_rng(1)
    rotation = np.linalg.qr(generator.normal(size=(6, 6)))[0][:source, :target]
    left, _, right = np.linalg.svd(rotation, full_matrices=False)
    rotation = left @ right
    x = generator.normal(size=(300, source))
    found = alignment(x, x @ rotation).procrustes()
    gram = found @ found.T if source <= target else found.T @ found
    np.testing.assert_allclose(gram, np.eye(min(source, target)), atol=1e-10)
    if source <= target:
        np.testing.assert_allclose(found, rotation, atol=1e-8)


def test_explained_variance_is_that_of_the_residuals():
    x, y = pairs()
    w = np.linalg.lstsq(x, y, rcond=None)[0]
    expected = 1 - np.square(y - x @ w).sum() / np.square(y - y.mean(0)).sum()
    assert alignment(x, y).explained(w) == pytest.approx(expected)


def rig(tmp_path, table=None, host="bert-classifier", **options):
    tokenizer = tiny_tokenizer(host)
    model = freeze(tiny_model(host, len(tokenizer)))
    attachment = Attachment(model)
    injector = EBert(EBertConfig(**options), Context())
    table = table or tiny_table()
    injector.prepare(Names({"E1": "Lyon", "E2": "the weather", "E3": "long fingers"}))
    knowledge = plug(attachment, "knowledge", injector, table)
    return Session(attachment, knowledge, tokenizer, Context(scratch=tmp_path)), table


def test_without_words_the_targets_are_means_of_the_names_pieces(tmp_path):
    session, table = rig(tmp_path)
    before = fingerprint(session.attachment.model)
    session.knowledge.injector.fit(session)
    words = session.attachment.embedding.weight
    x, y = [], []
    for entity, name in (("E1", "Lyon"), ("E2", "the weather"), ("E3", "long fingers")):
        pieces = session.tokenizer(name, add_special_tokens=False)["input_ids"]
        x.append(table.gather(table.rows([entity]))[0] / table.rms)
        y.append(words[pieces].mean(0).detach().numpy())
    expected = np.linalg.lstsq(np.array(x, np.float64), np.array(y, np.float64), rcond=None)[0]
    np.testing.assert_allclose(session.module.map.weight.detach().numpy().T, expected, atol=1e-5)
    assert session.notes["pairs"] == 3
    assert fingerprint(session.attachment.model) == before


@pytest.mark.parametrize("host", ["roberta-classifier", "gpt2-classifier", "llama-classifier"])
def test_the_targets_are_the_pieces_of_a_name_inside_a_text(tmp_path, host):
    session, table = rig(tmp_path, host=host)
    names = {"E1": "Paris", "E2": "capital of France", "E3": "</s>"}
    session.knowledge.injector.prepare(Names(names))
    ((vectors, means),) = session.knowledge.injector._names(session)
    words = session.attachment.embedding.weight.detach()
    for mean, name in zip(means, [" Paris", " capital of France", " < /s>"], strict=True):
        pieces = session.tokenizer(name, add_special_tokens=False)["input_ids"]
        start = session.tokenizer(name[1:], add_special_tokens=False)["input_ids"]
        assert pieces != start
        torch.testing.assert_close(mean, words[pieces].mean(0))
    np.testing.assert_array_equal(vectors, table.gather(np.array([1, 2, 3])))


def test_a_word_is_looked_up_as_it_stands_inside_a_text(tmp_path):
    session, _ = rig(tmp_path, tiny_table(dim=2), "roberta-classifier")
    (tmp_path / "words.txt").write_text("and 1 2\n</s> 1 2\n", "utf-8")
    ((vectors, found),) = _words(session, tmp_path / "words.txt", 2)
    (piece,) = session.tokenizer(" and", add_special_tokens=False)["input_ids"]
    assert len(session.tokenizer("and", add_special_tokens=False)["input_ids"]) == 2
    np.testing.assert_array_equal(vectors, [[1, 2]])
    torch.testing.assert_close(found, session.attachment.embedding.weight.detach()[[piece]])


def test_procrustes_keeps_the_lengths_and_angles_of_entity_vectors(tmp_path):
    table = tiny_table()
    table.vectors *= 5
    session, _ = rig(tmp_path, table, method="procrustes")
    session.knowledge.injector.fit(session)
    vectors = torch.from_numpy(table.vectors)
    mapped = session.module(vectors).detach()
    torch.testing.assert_close(mapped @ mapped.T, vectors @ vectors.T)


def test_with_words_single_pieces_of_the_vocabulary_are_the_pairs(tmp_path):
    session, table = rig(tmp_path)
    tokenizer, dim = session.tokenizer, table.dim
    words = [*words_of(tokenizer), "unheard-of-word"]
    path = tmp_path / "words.txt"
    word_vectors(path, words, dim)
    session.knowledge.injector.config = EBertConfig(words=str(path))
    session.knowledge.injector.fit(session)
    single = [w for w in words if len(tokenizer(w, add_special_tokens=False)["input_ids"]) == 1]
    single = [w for w in single if tokenizer.convert_tokens_to_ids(w) != tokenizer.unk_token_id]
    assert session.notes["pairs"] == len(single) > 5


def test_no_pair_is_an_error_with_a_way_out(tmp_path):
    session, _ = rig(tmp_path)
    session.knowledge.injector.prepare(Names({}))
    with pytest.raises(KpError) as caught:
        session.knowledge.injector.fit(session)
    assert caught.value.code == "KP460"


def word_vectors(path, words, dim, head=None):
    rows = np.random.default_rng(0).normal(size=(len(words), dim))
    lines = [" ".join([word, *map(str, row)]) for word, row in zip(words, rows, strict=True)]
    path.write_text("\n".join([head or f"{len(words)} {dim}", *lines]) + "\n", "utf-8")


def words_of(tokenizer, count=20):
    return [word for word in tokenizer.get_vocab() if word.isalpha() and len(word) > 1][:count]


def refused(session, path):
    session.knowledge.injector.config = EBertConfig(words=str(path))
    with pytest.raises(KpError) as caught:
        session.knowledge.injector.fit(session)
    assert caught.value.code == "KP461"
    return caught.value.problems[0]


def test_word_vectors_of_which_rows_are_missing_are_refused(tmp_path):
    session, table = rig(tmp_path)
    word_vectors(tmp_path / "words.txt", words_of(session.tokenizer), table.dim, "21 16")
    found = refused(session, tmp_path / "words.txt")
    assert "the first line says 21 rows, but 20 follow" in found.message


def test_word_vectors_of_another_width_are_refused(tmp_path):
    session, _ = rig(tmp_path)
    word_vectors(tmp_path / "words.txt", words_of(session.tokenizer), 3)
    assert refused(session, tmp_path / "words.txt").where == f"{tmp_path / 'words.txt'}:2"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"nonsense\n", 1),
        (b"2 3\nthe 1 2\n", 2),
        (b"2 2\nthe 1 2\nof 1 x\n", 3),
        (b"2 2\nthe 1 2\nof 1 nan\n", 3),
        (b"2 2\nthe 1 2\n\xe9t\xe9 1 2\n", 3),
    ],
)
def test_a_malformed_line_of_word_vectors_is_named(tmp_path, content, line):
    session, _ = rig(tmp_path, tiny_table(dim=2))
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    assert refused(session, path).where == f"{path}:{line}"


def test_word_vectors_may_be_packed_and_begin_with_a_byte_order_mark(tmp_path):
    session, table = rig(tmp_path)
    plain, packed = tmp_path / "words.txt", tmp_path / "words.txt.gz"
    word_vectors(plain, words_of(session.tokenizer), table.dim)
    packed.write_bytes(gzip.compress(codecs.BOM_UTF8 + plain.read_bytes()))
    found = []
    for path in (plain, packed):
        session.knowledge.injector.config = EBertConfig(words=str(path))
        session.knowledge.injector.fit(session)
        found.append(session.module.map.weight.detach().clone())
    assert torch.equal(*found)


@pytest.mark.parametrize(
    ("layout", "shown"), [("concat", "SLOT/Lyon"), ("replace", "SLOT"), ("bracket", "Lyon(SLOT)")]
)
def test_layouts_put_the_slot_where_they_say(layout, shown):
    injector = EBert(EBertConfig(layout=layout), Context())
    (edit,) = injector.edits(Segment("Lyon"), [Mention(0, 4, "E1")])
    pieces = "".join(getattr(piece, "text", "SLOT") for piece in edit.pieces)
    text = {"concat": f"{pieces}Lyon", "replace": pieces, "bracket": f"Lyon{pieces}"}[layout]
    assert text == shown


def test_a_row_of_a_spec_is_fitted_once_for_all_tasks_and_leaves_the_host_as_it_was(tmp_path):
    rows = [{"id": "frozen", "type": "none"}, {"id": "e-bert", "type": "e-bert"}]
    spec = tiny_project(tmp_path, injections=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        assert run(["run", str(spec), "-o", str(tmp_path / "out")]) == 0
    plugins = sorted(path.name for path in (tmp_path / "out" / "plugins").iterdir())
    assert plugins == ["e-bert"]
    results = (tmp_path / "out" / "results.json").read_text("utf-8")
    assert '"unchanged": false' not in results


def test_mapped_vectors_enter_at_the_slots(tmp_path):
    session, table = rig(tmp_path)
    session.knowledge.injector.fit(session)
    seen = {}

    class Spy:
        vectors = torch.from_numpy(table.gather(np.array([0, 1])))

        def overwrite(self, hidden, module):
            seen["mapped"] = module(self.vectors)
            return hidden

    class Host:
        def input_embeddings(self, callback):
            callback(torch.zeros(1, 2, 32), Spy())

    session.knowledge.injector.patch(Host(), session.module)
    expected = Spy.vectors / table.rms @ session.module.map.weight.T
    torch.testing.assert_close(seen["mapped"], expected)


def test_the_map_has_the_published_number_of_parameters_and_no_bias():
    class Host:
        width = 768

    module = EBert(EBertConfig(), Context()).build(EntitySpace(768, 1.0), Host())
    assert {name: p.shape for name, p in module.named_parameters()} == {"map.weight": (768, 768)}


def test_no_other_rotation_brings_noisy_pairs_closer_than_procrustes():
    x, y = pairs(source=5, target=5)
    found = alignment(x, y).procrustes()
    left, _, right = np.linalg.svd(x.T @ y)
    np.testing.assert_allclose(found, left @ right, atol=1e-10)
    best = np.square(x @ found - y).sum()
    generator = np.random.default_rng(3)
    for _ in range(200):
        small = generator.normal(scale=0.05, size=(5, 5))
        other = found @ np.linalg.qr(np.eye(5) + small - small.T)[0]
        assert np.square(x @ other - y).sum() >= best
