import json
import pickle

import numpy as np
import pytest
from kp_plugin_precomputed import pieces
from kp_plugin_precomputed.config import PrecomputedConfig
from kp_plugin_precomputed.embeddings import PrecomputedEmbeddings
from safetensors.numpy import save_file

from kpframework import KpError
from kpframework.api import Context

VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)
OPENKE = "4\nQ2\t1\nQ1\t0\nQ9\t3\nUMLS:C1\t2\n"


class KB:
    """Knows three entities, one of them by another id space too."""

    name = "toy"
    entity_ids = ("HP:1", "Q1", "Q2")

    def row(self, entity):
        return {"HP:1": 0, "UMLS:C1": 0, "Q1": 1, "Q2": 2}.get(entity)


@pytest.fixture
def compute(tmp_path):
    def run(ids=OPENKE, name="ids.txt", vectors=VECTORS, file="vectors.npy", **options):
        if isinstance(vectors, bytes):
            (tmp_path / file).write_bytes(vectors)
        elif isinstance(vectors, dict):
            save_file(vectors, tmp_path / file)
        else:
            np.save(tmp_path / file, vectors)
        (tmp_path / name).write_text(ids, encoding="utf-8")
        config = PrecomputedConfig(path=str(tmp_path / file), ids=str(tmp_path / name), **options)
        return PrecomputedEmbeddings(config, Context(scratch=tmp_path / "scratch")).compute(KB())

    return run


def code(compute, **arguments):
    with pytest.raises(KpError) as caught:
        compute(**arguments)
    return caught.value.code


def rows(table):
    return dict(zip(table.ids, table.vectors[:, 0].tolist(), strict=True))


EXPECTED = {"Q1": 0.0, "Q2": 3.0, "HP:1": 6.0}


def test_openkes_map_gives_each_entity_its_row(compute):
    table = compute()
    assert rows(table) == EXPECTED
    assert table.metrics == {"rows": 4.0, "rows_used": 3.0}


def test_openkes_map_may_be_separated_by_spaces(compute):
    assert rows(compute(OPENKE.replace("\t", " "))) == EXPECTED


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("list.txt", "Q1\nQ2\nUMLS:C1\nQ9\n"),
        ("list.json", json.dumps(["Q1", "Q2", "UMLS:C1", "Q9"])),
        ("map.json", json.dumps({"Q9": 3, "UMLS:C1": 2, "Q2": 1, "Q1": 0})),
    ],
)
def test_lists_and_json_give_the_same(compute, name, ids):
    assert rows(compute(ids, name)) == EXPECTED


def test_a_list_of_numbers_is_read_as_a_list_when_told(compute):
    ids = "4\nQ1\nQ2\nQ9\n"
    assert code(compute, ids=ids) == "KP451"
    assert rows(compute(ids, ids_format="list")) == {"Q1": 3.0, "Q2": 6.0}


def test_safetensors_are_read_by_the_name_of_the_tensor(compute):
    both = {"entities": VECTORS, "relations": VECTORS[:2]}
    assert rows(compute(vectors=both, file="kg.safetensors", tensor="entities")) == EXPECTED
    assert rows(compute(vectors={"e": VECTORS}, file="one.safetensors")) == EXPECTED
    assert code(compute, vectors=both, file="kg.safetensors") == "KP450"
    assert code(compute, vectors=both, file="kg.safetensors", tensor="x") == "KP450"


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_precision_is_kept(compute, dtype):
    assert compute(vectors=VECTORS.astype(dtype)).vectors.dtype == dtype


def test_a_large_matrix_is_read_in_pieces(compute, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", 1)
    table = compute()
    assert isinstance(table.vectors, np.memmap)
    assert rows(table) == EXPECTED


@pytest.mark.parametrize(
    "ids",
    [
        "3\nQ2\t1\nQ1\t0\nQ9\t2\n",
        "4\nQ2\t1\nQ1\t0\nQ9\t3\n",
        "4\nQ2\t1\nQ1\t0\nQ9\t4\nQ8\t2\n",
        "4\nQ2\t1\nQ1\t0\nQ9\t1\nQ8\t2\n",
        "4\nQ2\t1\nQ1\t0\nQ2\t3\nQ8\t2\n",
        "Q1\nQ2\nQ9\n",
        "Q1\nQ2\nQ1\nQ9\n",
        "Q1\n\nQ2\nQ9\n",
    ],
)
def test_ids_that_do_not_match_the_rows_are_refused(compute, ids):
    assert code(compute, ids=ids) == "KP452"


@pytest.mark.parametrize(
    ("name", "ids"),
    [("a.txt", "1\nQ1 x\n"), ("a.json", "{"), ("b.json", '{"Q1": true}'), ("c.json", "7")],
)
def test_malformed_ids_are_refused(compute, name, ids):
    assert code(compute, ids=ids, name=name) == "KP451"


@pytest.mark.parametrize(
    "vectors",
    [
        VECTORS.astype(np.int64),
        VECTORS[0],
        b"",
        pickle.dumps([1.0]),
    ],
)
def test_what_is_no_matrix_of_floats_is_refused(compute, vectors):
    assert code(compute, vectors=vectors) == "KP450"


def test_a_pickle_inside_npy_is_not_opened(compute, tmp_path):
    np.save(tmp_path / "objects.npy", np.array([[object()]]), allow_pickle=True)
    assert code(compute, vectors=(tmp_path / "objects.npy").read_bytes()) == "KP450"


def test_truncated_files_are_refused(compute, tmp_path):
    np.save(tmp_path / "whole.npy", VECTORS)
    save_file({"e": VECTORS}, tmp_path / "whole.safetensors")
    for file in ("npy", "safetensors"):
        cut = (tmp_path / f"whole.{file}").read_bytes()[:-1]
        assert code(compute, vectors=cut, file=f"cut.{file}") == "KP450"


def test_a_knowledge_base_that_knows_no_id_is_an_error(compute):
    assert code(compute, ids="a\nb\nc\nd\n") == "KP453"
