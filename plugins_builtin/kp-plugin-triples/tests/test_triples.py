import bz2
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kp_plugin_triples.config import TriplesConfig
from kp_plugin_triples.provider import TriplesProvider
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context, Entity

DATA = Path(__file__).parents[3].parent / "shared/data/wikidata"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
TSV = 'Q1\tP1\tQ2\nQ2\tP2\t"Q3\n'


def provider(*paths, **options):
    return TriplesProvider(TriplesConfig(paths=[str(p) for p in paths], **options), Context())


def triples(*paths, **options):
    return [(t.head, t.relation, t.tail) for t in provider(*paths, **options).triples()]


def error(*paths, **options):
    with pytest.raises(KpError) as caught:
        triples(*paths, **options)
    return str(caught.value)


@pytest.fixture
def write(tmp_path):
    def make(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def test_tabs_separate_and_quotes_are_characters(write):
    assert triples(write("kb.tsv", TSV)) == [("Q1", "P1", "Q2"), ("Q2", "P2", '"Q3')]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_packed_files_read_the_same(write, suffix, pack):
    packed = write(f"kb.txt{suffix}", pack(TSV.encode()))
    assert triples(packed) == triples(write("kb.txt", TSV))


def test_csv_has_commas_and_quotes(write):
    path = write("kb.csv", 'head,relation,tail\n"New York, city",in,"the ""US"""\n')
    assert triples(path, header=True) == [("New York, city", "in", 'the "US"')]


def test_columns_say_what_is_where_and_what_is_not_read(write):
    path = write("train.txt", "P1\tQ2\tQ1\twhich one?\n")
    columns = ["relation", "tail", "head", "question"]
    assert triples(path, columns=columns) == [("Q1", "P1", "Q2")]


def test_several_files_are_read_in_order(write):
    one, two = write("one.tsv", "a\tr\tb\n"), write("two.tsv", "c\tr\td\n")
    assert triples(two, one) == [("c", "r", "d"), ("a", "r", "b")]


def test_parquet_columns_are_taken_by_place(tmp_path):
    path = tmp_path / "kb.parquet"
    pq.write_table(pa.table({"o": ["b"], "s": ["a"], "weight": [0.5], "p": [7]}), path)
    columns = ["tail", "head", "weight", "relation"]
    assert triples(path, columns=columns) == [("a", "7", "b")]
    assert "KP425" in error(path)


@pytest.mark.parametrize("groups", [0, 1])
def test_a_parquet_file_without_rows_has_no_triples(tmp_path, groups):
    path = tmp_path / "kb.parquet"
    schema = pa.schema([(part, pa.string()) for part in ("head", "relation", "tail")])
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(groups):
            writer.write_table(schema.empty_table())
    assert list(provider(path).triples()) == []
    assert list(provider(path).entities()) == []


def test_a_parquet_row_without_a_tail_is_an_error_or_skipped(tmp_path):
    path = tmp_path / "kb.parquet"
    pq.write_table(pa.table({"h": ["a", "b"], "r": ["r", "r"], "t": [None, "c"]}), path)
    assert f"KP425]: {path} (row 0)" in error(path)
    made = provider(path, on_bad_line="skip")
    assert [t.head for t in made.triples()] == ["b"]
    assert made.metadata()["skipped_lines"] == "1"


@needs_data
@pytest.mark.parametrize("suffix", ["tsv", "csv", "parquet", "tsv.gz", "csv.bz2", "tsv.zst"])
def test_wd50k_written_in_every_format_gives_what_a_plain_count_gives(tmp_path, suffix):
    with gzip.open(DATA / "wd50k/valid.txt.gz", "rt", encoding="utf-8") as lines:
        rows = [tuple(line.rstrip("\n").split(",")) for line in lines]
    path = tmp_path / f"kb.{suffix}"
    if suffix == "parquet":
        columns = list(zip(*rows, strict=True))
        pq.write_table(pa.table(dict(zip("hrt", columns, strict=True))), path)
    else:
        comma = "," if suffix.startswith("csv") else "\t"
        text = "".join(f"{comma.join(row)}\n" for row in rows).encode()
        with pa.output_stream(path) as file:
            file.write(text)
    assert len(rows) == 23_860
    assert triples(path) == rows


@pytest.mark.parametrize("line", ["a\tb", "a\tr\tb\tc", "a\tr\t", "\tr\tb"])
def test_a_malformed_line_is_an_error_with_file_and_line(write, line):
    path = write("kb.tsv", f"a\tr\tb\n\n{line}\nc\tr\td\n")
    assert f"{path}:3" in error(path)
    assert "KP425" in error(path)


def test_the_line_of_a_malformed_one_is_right_in_packed_and_headed_files(write):
    packed = write("kb.csv.gz", gzip.compress(b'x,y,z\n"a\nb",r,c\nd,r\n'))
    assert f"{packed}:4" in error(packed, header=True)


def test_malformed_lines_can_be_skipped_and_are_counted(write):
    made = provider(write("kb.tsv", "a\tr\tb\nc\tr\nd\tr\t\ne\tr\tf\n"), on_bad_line="skip")
    assert [t.head for t in made.triples()] == ["a", "e"]
    assert made.metadata()["skipped_lines"] == "2"


def test_a_truncated_gzip_is_an_error(write):
    lines = "".join(f"e{i}\tr\te{i * 7919 % 1000}\n" for i in range(10_000)).encode()
    for cut in (-9, -1_000):
        assert "KP426" in error(write("kb.tsv.gz", gzip.compress(lines)[:cut]))


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst", ".lz4"])
def test_a_file_that_is_not_packed_as_its_name_says_is_an_error(write, suffix):
    path = write(f"kb.tsv{suffix}", TSV)
    assert f"KP426]: {path}" in error(path, on_bad_line="skip")


def test_a_file_that_is_not_parquet_is_an_error(write):
    assert "KP426" in error(write("kb.parquet", b"PAR1"))


FAULTS = [
    ("kb.tsv", b"\xff\tr\tb\n", "the head is not UTF-8", 1),
    ("kb.tsv", b"a\tr\t\xc3(\n", "the tail is not UTF-8", 1),
    ("kb.tsv", b"a\tr\tb\0\n", "the tail holds a NUL character", 1),
    ("kb.tsv", b"a\tr\tb\rc\tr\td\n", "5 columns instead of 3", 1),
    ("kb.tsv", b"a\tr\n\xff\n", "2 columns instead of 3", 2),
    ("kb.csv", b"\xff,r,b\n", "the head is not UTF-8", 1),
    ("kb.csv", b'"x" y,r,c\n', "no CSV", 1),
    ("kb.csv", b'"a\nb",\n', "2 columns instead of 3", 2),
]


@pytest.mark.parametrize(("name", "lines", "said", "count"), FAULTS)
@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress)])
def test_each_fault_is_an_error_at_its_line_or_its_lines_are_counted(
    write, name, lines, said, count, suffix, pack
):
    good = b"c,r,d\n" if name == "kb.csv" else b"c\tr\td\n"
    path = write(name + suffix, pack(good + lines + good))
    assert f"KP425]: {path}:2\n" in error(path)
    assert said in error(path)
    made = provider(path, on_bad_line="skip")
    assert [t.head for t in made.triples()] == ["c", "c"]
    assert made.metadata()["skipped_lines"] == str(count)


def test_every_line_that_an_open_quotation_mark_takes_is_counted(write):
    path = write("kb.csv", 'a,r,b\n"c,r,d\ne,r,f\ng,r,h\n')
    assert f"KP425]: {path}:2\n" in error(path)
    made = provider(path, on_bad_line="skip")
    assert [t.head for t in made.triples()] == ["a"]
    assert made.metadata()["skipped_lines"] == "3"


@pytest.mark.parametrize("end", ["\r\n", "\n", ""])
def test_line_ends_of_another_system_a_byte_order_mark_and_repeats_read_the_same(write, end):
    text = f"Q1\tP1\tQ2{end or chr(10)}Q1\tP1\tQ2{end}"
    expected = [("Q1", "P1", "Q2")] * 2
    assert triples(write("kb.tsv", b"\xef\xbb\xbf" + text.encode())) == expected
    assert triples(write("kb.csv", "\ufeff" + text.replace("\t", ","))) == expected


def test_a_line_of_any_length_is_read(write):
    assert len(triples(write("kb.tsv", "x" * 5_000_000 + "\tr\tb\n"))[0][0]) == 5_000_000


@pytest.mark.parametrize("content", [b"", b"head\trelation\ttail", b"head\trelation\ttail\n"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_of_a_header_or_of_nothing_has_no_triples(write, content, pack):
    assert triples(write("kb.tsv.gz" if pack(b"") else "kb.tsv", pack(content)), header=True) == []


def test_the_wrong_delimiter_is_an_error_at_the_first_line(write):
    assert "kb.txt:1" in error(write("kb.txt", "a,r,b\n"))
    assert triples(write("kb.txt", "a,r,b\n"), delimiter=",") == [("a", "r", "b")]


def test_an_empty_file_has_no_triples(write):
    assert triples(write("kb.tsv", "")) == []


def test_labels_come_from_json(write):
    labels = {
        "Q1": {"label": "one", "alternatives": ["1", "I"], "description": "a number"},
        "Q2": "two",
    }
    path = write("labels.JSON.gz", gzip.compress(json.dumps(labels).encode()))
    made = provider(write("kb.tsv", TSV), labels=str(path))
    assert list(made.entities()) == [
        Entity("Q1", "one", ("1", "I"), description="a number"),
        Entity("Q2", "two"),
    ]


def test_the_id_of_a_label_may_be_a_field(write):
    path = write("labels.json", json.dumps({"/m/1": {"label": "one", "wikidata_id": "Q1"}}))
    made = provider(write("kb.tsv", TSV), labels=str(path), labels_id="wikidata_id")
    assert list(made.entities()) == [Entity("Q1", "one")]


def test_labels_and_aliases_come_from_tsv(write):
    labels = write("labels.tsv", "Q1\tone\n")
    aliases = write("aliases.txt", "Q1\t1\tI\nQ9\tnine\tIX\nQ8\n")
    made = provider(write("kb.tsv", TSV), labels=str(labels), aliases=str(aliases))
    assert list(made.entities()) == [Entity("Q1", "one", ("1", "I")), Entity("Q9", "nine", ("IX",))]


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("labels.tsv", "Q1\tone\nQ2\n", "labels.tsv:2"),
        ("labels.json", '{"Q1": {"name": "one"}}', "'Q1'"),
        ("labels.json", "[1]", "not a JSON object"),
        ("labels.json", "{", "labels.json"),
        ("labels.tsv.gz", gzip.compress(b"Q1\tone\n", mtime=0)[:-9], "labels.tsv.gz"),
    ],
)
def test_malformed_labels_are_an_error_with_the_place(write, name, content, where):
    made = provider(write("kb.tsv", TSV), labels=str(write(name, content)))
    with pytest.raises(KpError, match="KP427") as caught:
        list(made.entities())
    assert where in str(caught.value)


@pytest.mark.parametrize("columns", [["head", "tail"], ["head", "head", "relation", "tail"]])
def test_each_part_is_in_one_column(write, columns):
    with pytest.raises(ValidationError, match="each once"):
        TriplesConfig(paths=[__file__], columns=columns)


@needs_data
def test_wd50k_has_the_triples_that_its_description_counts():
    files = [DATA / f"wd50k/{split}.txt.gz" for split in ("train", "valid", "test")]
    found = triples(*files, delimiter=",")
    assert len(found) == 164_631 + 23_860 + 46_023
    assert len(set(found)) == 233_838
    assert len({end for head, _, tail in found for end in (head, tail)}) == 41_334
    assert len({relation for _, relation, _ in found}) == 486


@needs_data
def test_simplequestions_reads_with_its_question_left_out():
    path = DATA / "simplequestions/annotated_wd_data_valid.txt.gz"
    found = triples(path, columns=["head", "relation", "tail", "question"])
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        assert len(found) == sum(1 for _ in lines)


@needs_data
def test_freebase_labels_are_found_by_their_wikidata_id():
    made = provider(
        DATA / "codex-m/valid.txt.gz",
        labels=str(DATA / "labels/fb15k_entity2wikidata.json.gz"),
        labels_id="wikidata_id",
    )
    named = {entity.id: entity for entity in made.entities()}
    assert named["Q128306"].name == "Denton"
    assert named["Q128306"].aliases == ("Denton, Texas",)
    assert len(named) > 14_000


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_further_label_is_an_alias_and_a_byte_order_mark_no_part_of_an_id(write, end):
    labels = write("labels.tsv", f"\ufeffQ1\tone{end}Q1\tuno{end}Q1\tone{end}")
    made = provider(write("kb.tsv", TSV), labels=str(labels))
    (entity,) = made.entities()
    assert (entity.id, entity.name, set(entity.aliases)) == ("Q1", "one", {"uno", "one"})


@pytest.mark.parametrize(
    ("name", "content", "where", "what"),
    [
        ("l.tsv", b"Q1\tone\nQ2\t\xff\n", ":2", "not UTF-8"),
        ("l.tsv", b"Q1\tone\nQ2\t\n", ":2", "is empty"),
        ("l.tsv", b"\tone\n", ":1", "is empty"),
        ("l.tsv.gz", gzip.compress(b"Q1\tone\n" * 99, mtime=0)[:-9], "", "to its end"),
        ("l.tsv.gz", b"Q1\tone\n", "", "to its end"),
        ("l.json", b'{"Q1": "one", "Q1": "two"}', "", "'Q1' comes twice"),
        ("l.json", b'{"Q1": "\\ud800"}', "", "none of Unicode"),
        ("l.json", b"[" * 100_000, "", "recursion"),
        ("l.json", b"", ":1:1", "Expecting value"),
    ],
)
def test_hostile_labels_are_an_error_with_their_place(write, name, content, where, what):
    path = write(name, content)
    with pytest.raises(KpError) as caught:
        list(provider(write("kb.tsv", TSV), labels=str(path)).entities())
    problem = caught.value.problems[0]
    assert (problem.code, problem.where) == ("KP427", f"{path}{where}")
    assert what in problem.message


@pytest.mark.parametrize("name", ["kb.tsv", "kb.csv"])
def test_a_line_too_long_to_hold_is_an_error_with_its_place(write, name, monkeypatch):
    monkeypatch.setattr("kpframework.api.files._BLOCK", 10)
    monkeypatch.setattr("kpframework.api.files._LONGEST", 500)
    separator = "\t" if name == "kb.tsv" else ","
    path = write(name, separator.join("arb") + "\n" + "x" * 600)
    told = error(path)
    assert f"KP426]: {path}:2\n" in told
    assert "a line is longer" in told
