import bz2
import gzip
import json
import sys
import tracemalloc

import numpy as np
import pytest
from kp_plugin_precomputed import pieces
from kp_plugin_precomputed.config import PrecomputedConfig
from kp_plugin_precomputed.embeddings import PrecomputedEmbeddings
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context

IDS = ["Q1", "Q2", "UMLS:C1", "New York"]
VECTORS = np.array([[0.5, -1], [2, 3e-3], [4, 5], [6, 7]], dtype=np.float32)
EXPECTED = {"Q1": 0, "Q2": 1, "HP:1": 2, "New York": 3}


class KB:
    name = "toy"
    entity_ids = ("HP:1", "New York", "Q1", "Q2")

    def row(self, entity):
        return {"UMLS:C1": 0}.get(entity)


@pytest.fixture
def write(tmp_path):
    def make(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return make


@pytest.fixture
def compute(tmp_path):
    def run(path, **options):
        config = PrecomputedConfig(path=path, **options)
        return PrecomputedEmbeddings(config, Context(scratch=tmp_path / "scratch")).compute(KB())

    return run


@pytest.fixture
def npy(tmp_path):
    np.save(tmp_path / "vectors.npy", VECTORS)
    return str(tmp_path / "vectors.npy")


def text(separator=" ", header="4 2\n", ids=IDS, vectors=VECTORS):
    rows = zip(ids, vectors.tolist(), strict=True)
    return header + "".join(f"{own}{separator}{separator.join(map(str, v))}\n" for own, v in rows)


def binary(end=b"\n", ids=IDS, vectors=VECTORS):
    rows = zip(ids, vectors, strict=True)
    body = b"".join(own.replace(" ", "_").encode() + b" " + v.tobytes() + end for own, v in rows)
    return f"{len(ids)} {vectors.shape[1]}\n".encode() + body


def check(table, expected=EXPECTED):
    assert list(table.ids) == list(expected)
    np.testing.assert_array_equal(table.vectors, VECTORS[list(expected.values())])


def problem(compute, path, **options):
    with pytest.raises(KpError) as caught:
        compute(path, **options)
    return caught.value.problems[0]


@pytest.mark.parametrize("separator", [" ", "\t"])
@pytest.mark.parametrize("header", ["4 2\n", ""])
@pytest.mark.parametrize("piece", [1, 3, 16_384])
def test_text_is_read_with_and_without_a_first_line_of_counts(
    compute, write, monkeypatch, separator, header, piece
):
    monkeypatch.setattr(pieces, "PIECE", piece)
    table = compute(write("kb.vec", text(separator, header)))
    check(table)
    assert table.metrics == {"rows": 4.0, "rows_used": 4.0}


def test_text_of_gensim_and_of_pbgs_export_is_read(compute, write):
    check(compute(write("kb.txt", text().replace("\n", " \n").replace("4 2 ", "4 2"))))
    check(compute(write("kb.tsv", text("\t", ""))))


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("piece", [1, 3, 16_384])
def test_binary_word2vec_is_read_with_and_without_line_ends(
    compute, write, monkeypatch, end, piece
):
    monkeypatch.setattr(pieces, "PIECE", piece)
    check(compute(write("kb.bin", binary(end))), {"Q1": 0, "Q2": 1, "HP:1": 2})


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, "gz"), (bz2.compress, "bz2")])
def test_packed_files_read_the_same_and_truncated_ones_are_errors(compute, write, pack, suffix):
    check(compute(write(f"kb.vec.{suffix}", pack(text().encode()))))
    binary_ids = {"Q1": 0, "Q2": 1, "HP:1": 2}
    check(compute(write(f"kb.bin.{suffix}", pack(binary()))), binary_ids)
    for name, content in (("cut.vec", text().encode()), ("cut.bin", binary())):
        cut = write(f"{name}.{suffix}", pack(content)[:-9])
        assert problem(compute, cut).code == "KP450"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("2.0 0.003", "2.0"), 3),
        (("Q2 2.0 0.003", "0.003"), 3),
        (("2.0 0.003", "2.0 x"), 3),
        (("4 2\n", "5 2\n"), None),
        (("4 2\n", "3 2\n"), None),
        (("4 2\n", "4 3\n"), 2),
        (("Q2 ", "\udcff "), 3),
    ],
)
def test_malformed_text_is_an_error_with_its_line(compute, write, change, line):
    path = write("kb.vec", text().replace(*change).encode("utf-8", "surrogateescape"))
    found = problem(compute, path)
    assert found.code == "KP450"
    assert found.where == (path if line is None else f"{path}:{line}")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no counts\n",
        binary()[:-3],
        binary() + b"x",
        binary().replace(b"4 2", b"5 2"),
        binary().replace(b"4 2", b"3 2"),
        b"1 99999999999\nQ1 ",
        b"4 2\n" + b"x" * 100_000,
        binary().replace(b"Q2", b"\xff\xff"),
    ],
)
def test_malformed_binary_is_an_error(compute, write, content):
    assert problem(compute, write("kb.bin", content)).code == "KP450"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_an_error_with_its_place(compute, write, value, tmp_path):
    bad = VECTORS.copy()
    bad[1, 1] = value
    as_text = write("kb.vec", text(vectors=bad))
    assert problem(compute, as_text).where == f"{as_text}:3"
    as_binary = write("kb.bin", binary(vectors=bad))
    assert problem(compute, as_binary).where == f"{as_binary} (row 1)"
    np.save(tmp_path / "bad.npy", bad)
    found = problem(compute, str(tmp_path / "bad.npy"), ids=write("ids.txt", "\n".join(IDS)))
    assert (found.code, "'Q2'" in found.message) == ("KP454", True)


@pytest.mark.parametrize("piece", [1, 16_384])
def test_an_id_that_comes_twice_is_an_error_with_its_place(compute, write, monkeypatch, piece):
    monkeypatch.setattr(pieces, "PIECE", piece)
    path = write("kb.vec", text(ids=["Q1", "no", "Q2", "no"]))
    found = problem(compute, path)
    assert (found.code, found.where) == ("KP452", f"{path}:5")
    path = write("kb.bin", binary(ids=["Q1", "no", "Q2", "no"]))
    assert problem(compute, path).where == f"{path} (row 3)"


ROW_ID = "0\tQ1\n1\tQ2\n3\tNew York\n2\tUMLS:C1\n"
ID_ROW = "Q1\t0\nQ2\t1\nNew York\t3\nUMLS:C1\t2\n"


@pytest.mark.parametrize("ids", [ROW_ID, ID_ROW, "id\tlabel\n" + ROW_ID])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_two_columns_of_dgl_ke_and_pykeen_are_read_either_way(compute, write, npy, ids, pack):
    name = "entities.tsv.gz" if pack is gzip.compress else "entities.tsv"
    check(compute(npy, ids=write(name, pack(ids.encode()))))


def test_numbers_as_ids_need_the_order_of_the_columns(compute, write, npy):
    ids = write("entities.tsv", "0\t7\n1\t8\n2\t9\n3\t10\n")
    assert problem(compute, npy, ids=ids).where == f"{ids}:1"
    assert problem(compute, npy, ids=ids, ids_format="row-id").code == "KP453"  # none is known


def test_an_id_that_pandas_quoted_is_read(compute, write, npy):
    ids = write("e.tsv", 'id\tlabel\n0\tQ1\n1\tQ2\n2\t"a ""b"""\n3\tNew York\n')
    assert list(compute(npy, ids=ids).ids) == ["Q1", "Q2", "New York"]


@pytest.mark.parametrize(
    ("ids", "code", "line"),
    [
        (ROW_ID.replace("1\tQ2", "1"), "KP451", 2),
        (ROW_ID.replace("1\tQ2", "1\tQ2\tx"), "KP451", 2),
        (ROW_ID.replace("1\tQ2", "x\tQ2"), "KP451", 2),
        (ROW_ID.replace("1\tQ2", "1\tQ1"), "KP452", 2),
        (ROW_ID.replace("1\tQ2", "0\tQ2"), "KP452", None),
        (ROW_ID.replace("1\tQ2\n", ""), "KP452", None),
        (ROW_ID + "4\tQ5\n", "KP452", None),
    ],
)
def test_malformed_columns_are_errors_with_their_line(compute, write, npy, ids, code, line):
    path = write("entities.tsv", ids)
    found = problem(compute, npy, ids=path)
    assert (found.code, found.where) == (code, path if line is None else f"{path}:{line}")


def test_truncated_gzipped_ids_are_an_error(compute, write, npy):
    cut = write("entities.tsv.gz", gzip.compress(ROW_ID.encode())[:-9])
    assert problem(compute, npy, ids=cut).code == "KP451"


@pytest.fixture
def pbg(tmp_path, write):
    """PBG's files of two partitions: embeddings_TYPE_PART.vVERSION.h5, entity_names_TYPE_PART."""
    h5py = pytest.importorskip("h5py", reason="h5py, the extra hdf5, is not installed")
    for part, own in enumerate((slice(0, 3), slice(3, 4))):
        with h5py.File(tmp_path / f"embeddings_all_{part}.v10.h5", "w") as file:
            file["embeddings"] = VECTORS[own]
            file["optimizer"] = np.zeros(3)
        write(f"entity_names_all_{part}.json", json.dumps(IDS[own]))
    return [str(tmp_path / f"embeddings_all_{part}.v10.h5") for part in (0, 1)], [
        str(tmp_path / f"entity_names_all_{part}.json") for part in (0, 1)
    ]


def test_the_partitions_of_pbg_are_read_one_after_another(compute, pbg):
    (first, second), (ids, more) = pbg
    check(compute(first, ids=ids), {"Q1": 0, "Q2": 1, "HP:1": 2})
    check(compute(first, ids=ids, more_paths=[second], more_ids=[more]))
    assert problem(compute, first, ids=more).code == "KP452"
    again = problem(compute, first, ids=ids, more_paths=[first], more_ids=[ids])
    assert (again.code, again.where) == ("KP452", f"{first} (row 0)")


def test_a_truncated_hdf5_file_or_one_without_the_tensor_is_an_error(compute, write, pbg):
    (first, _), (ids, _) = pbg
    with open(first, "rb") as file:
        cut = write("cut.h5", file.read()[:-500])
    assert problem(compute, cut, ids=ids).code == "KP450"
    assert problem(compute, first, ids=ids, tensor="x").code == "KP450"
    assert problem(compute, first, ids=ids, tensor="optimizer").code == "KP450"


def external_link(h5py, file, secret):
    with h5py.File(secret.with_suffix(".h5"), "w") as other:
        other["embeddings"] = VECTORS
    file["embeddings"] = h5py.ExternalLink(secret.with_suffix(".h5"), "/embeddings")


def soft_link(h5py, file, secret):
    external_link(h5py, file, secret)
    file.move("embeddings", "elsewhere")
    file["embeddings"] = h5py.SoftLink("/elsewhere")


def external_storage(h5py, file, secret):
    secret.write_bytes(VECTORS.tobytes())
    storage = [(str(secret), 0, VECTORS.nbytes)]
    file.create_dataset("embeddings", VECTORS.shape, VECTORS.dtype, external=storage)


def virtual(h5py, file, secret):
    with h5py.File(secret.with_suffix(".h5"), "w") as other:
        other["embeddings"] = VECTORS
    layout = h5py.VirtualLayout(VECTORS.shape, VECTORS.dtype)
    layout[:] = h5py.VirtualSource(secret.with_suffix(".h5"), "embeddings", VECTORS.shape)
    file.create_virtual_dataset("embeddings", layout)


@pytest.mark.parametrize("tensor", [None, "embeddings"])
@pytest.mark.parametrize("trick", [external_link, soft_link, external_storage, virtual])
def test_a_strangers_hdf5_file_does_not_read_another_file(compute, write, tmp_path, trick, tensor):
    h5py = pytest.importorskip("h5py", reason="h5py, the extra hdf5, is not installed")
    with h5py.File(tmp_path / "kb.h5", "w") as file:
        trick(h5py, file, tmp_path / "secret")
    with h5py.File(tmp_path / "kb.h5") as file:
        np.testing.assert_array_equal(file["embeddings"], VECTORS)  # HDF5 itself does
    ids = write("ids.txt", "\n".join(IDS))
    assert problem(compute, str(tmp_path / "kb.h5"), ids=ids, tensor=tensor).code == "KP450"


def test_a_damaged_chunk_of_an_hdf5_file_is_an_error(compute, write, tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py, the extra hdf5, is not installed")
    with h5py.File(tmp_path / "kb.h5", "w") as file:
        part = file.create_dataset("embeddings", data=VECTORS, chunks=(4, 2), compression="gzip")
        chunk = part.id.get_chunk_info(0)
    content = bytearray((tmp_path / "kb.h5").read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\xff" * chunk.size
    path = write("damaged.h5", bytes(content))
    found = problem(compute, path, ids=write("ids.txt", "\n".join(IDS)))
    assert (found.code, found.where) == ("KP450", path)


@pytest.mark.parametrize("shape", [f"({10**23}, 2)", "(True, 4)", "(" * 300, "(-4, 2)"])
def test_a_crafted_head_of_npy_is_an_error(compute, write, shape):
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    path = write(
        "kb.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + b"\0" * 64
    )
    assert problem(compute, path, ids=write("ids.txt", "Q1\n")).code == "KP450"


def test_without_h5py_the_error_says_what_to_install(compute, write, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    found = problem(compute, write("kb.h5", ""), ids=write("ids.json", "[]"))
    assert found.code == "KP455"
    assert "pip install" in found.fix


@pytest.mark.parametrize("name", ["trained_model.pkl", "model.pt", "model.ckpt"])
def test_a_pickle_is_refused_with_the_way_out(write, name):
    with pytest.raises(ValidationError, match="is a pickle, which is not opened"):
        PrecomputedConfig(path=write(name, ""), ids=write("ids.txt", ""), format="npy")


def test_files_of_different_widths_are_refused(compute, write):
    other = write("b.vec", "New York\t1\t2\t3\n")
    alone = write("c.vec", text(ids=IDS[:3], vectors=VECTORS[:3], header=""))
    assert problem(compute, alone, more_paths=[other]).where == f"{other}:1"


def test_options_that_cannot_be_are_refused(write, npy):
    vec, ids = write("kb.vec", text()), write("ids.txt", "")
    with pytest.raises(ValidationError, match="leave out 'ids'"):
        PrecomputedConfig(path=vec, ids=ids)
    with pytest.raises(ValidationError, match="'ids' is needed"):
        PrecomputedConfig(path=npy)
    with pytest.raises(ValidationError, match="one of 'more_ids'"):
        PrecomputedConfig(path=npy, ids=ids, more_paths=[npy])
    with pytest.raises(ValidationError, match="set 'format'"):
        PrecomputedConfig(path=write("kb.dat", ""), ids=ids)


def test_memory_holds_a_piece_of_the_rows(compute, write, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", 256)
    rng = np.random.default_rng(0)

    def peak(count):
        vectors = rng.standard_normal((count, 64)).astype(np.float32)
        path = write(
            f"{count}.bin", binary(ids=["Q1", *map(str, range(count - 1))], vectors=vectors)
        )
        del vectors
        tracemalloc.start()
        compute(path)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(300)
    assert peak(40_000) < 4 * (1 << 20)  # the rows are 10 MB


@pytest.mark.parametrize(
    ("ids", "code", "place", "said"),
    [
        (b"Q1\nQ2\nA\xff\nB\n", "KP451", ":3", "not UTF-8"),
        (b"4\nQ1\t0\n\nQ2\n", "KP451", ":4", "not an id and a row"),
        (b"2\nQ1\t0\nQ2\t" + b"9" * 5_000, "KP451", ":3", "not an id and a row"),
        (b"9" * 5_000 + b"\nQ1\t0\n", "KP452", "", "the first line says"),
        (b"Q1\nQ2\nQ1\nB\n", "KP452", " (row 2)", "comes twice, first in row 0"),
        (b"Q1\n\nQ2\nB\n", "KP452", " (row 1)", "is empty"),
        (b"2\nQ1\t0\nQ2\t2\n", "KP452", "", "'Q2' has 2"),
        (b"", "KP452", "", "0 ids in ids.txt, but 4 rows"),
    ],
)
def test_hostile_ids_are_an_error_with_their_place(compute, write, npy, ids, code, place, said):
    path = write("ids.txt", ids)
    found = problem(compute, npy, ids=path)
    assert (found.code, found.where) == (code, f"{path}{place}")
    assert said in found.message
    assert found.fix


def test_hostile_json_ids_are_an_error(compute, write, npy):
    assert problem(compute, npy, ids=write("ids.JSON", "[" * 100_000)).code == "KP451"
    twice = problem(compute, npy, ids=write("ids.json", '["Q1", "Q2", "Q2", "B"]'))
    assert (twice.code, twice.where.endswith("ids.json (row 2)")) == ("KP452", True)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_another_system_and_a_byte_order_mark_read_the_same(compute, write, npy, end):
    ids = [
        end.join(IDS) + end,
        end.join(["4", *(f"{own}\t{row}" for row, own in enumerate(IDS))]) + end,
        end.join(f"{row}\t{own}" for row, own in enumerate(IDS)) + end,
    ]
    for content in ids:
        check(compute(npy, ids=write("ids.txt", "\ufeff" + content)))
    for header in ("", "4 2\n"):
        content = text("\t", header).replace("\n", end)
        check(compute(write("kb.vec", "\ufeff" + content)))


@pytest.mark.parametrize("content", ["9" * 5_000 + " 3\nQ1 1 2 3\n", "", "\xff 1 2\nQ1 1 2\n"])
def test_hostile_text_is_an_error(compute, write, content):
    found = problem(compute, write("kb.vec", content.encode("latin-1")))
    assert found.code in {"KP450", "KP453"}
    assert "kb.vec" in found.where
    assert found.fix
