"""One small corpus in every format, and what is wrong with files of each."""

import gzip
import json
import re
from pathlib import Path

import pytest

from kpframework.api import Mention, document_format, read_documents
from kpframework.errors import KpError

DATA = Path(__file__).parents[3] / "shared/data/biomed/bc5cdr"
TEXT = "Aspirin — it helps.\nNo naïve ulcer or gastric and lung cancer."
_SPANS = {
    "Aspirin": ("Chemical", ("MESH:D001241",)),
    "ulcer": ("Disease", ()),
    "gastric and lung cancer": ("Disease", ("MESH:D013274", "MESH:D008175")),
}
EXPECTED = [
    (TEXT.index(surface), TEXT.index(surface) + len(surface), kind, ids)
    for surface, (kind, ids) in _SPANS.items()
]


def _pubtator(folder: Path) -> Path:
    title, abstract = TEXT.split("\n")
    lines = [f"7|t|{title}", f"7|a|{abstract}"]
    lines += [
        f"7\t{start}\t{end}\t{TEXT[start:end]}\t{kind}\t{'|'.join(ids) or '-1'}"
        for start, end, kind, ids in EXPECTED
    ]
    lines += ["7\tCID\tD001241\tD014456", ""]
    (folder / "c.pubtator").write_text("\n".join(lines), "utf-8")
    return folder / "c.pubtator"


def _bioc(folder: Path) -> dict:
    passages, at = [], 0
    for part in TEXT.split("\n"):
        inside = [e for e in EXPECTED if at <= e[0] < at + len(part)]
        annotations = [
            {
                "id": str(i),
                "infons": {"type": kind, "identifier": ",".join(ids) or "-"},
                "text": TEXT[start:end],
                "locations": [{"offset": start, "length": end - start}],
            }
            for i, (start, end, kind, ids) in enumerate(inside)
        ]
        passages.append({"offset": at, "text": part, "infons": {}, "annotations": annotations})
        at += len(part) + 1
    return {"id": "7", "passages": passages}


def _bioc_json(folder: Path) -> Path:
    (folder / "c.json").write_text(json.dumps({"documents": [_bioc(folder)]}), "utf-8")
    return folder / "c.json"


def _bioc_xml(folder: Path) -> Path:
    def annotation(value: dict) -> str:
        infons = "".join(f'<infon key="{k}">{v}</infon>' for k, v in value["infons"].items())
        place = value["locations"][0]
        return (
            f'<annotation id="{value["id"]}">{infons}'
            f'<location offset="{place["offset"]}" length="{place["length"]}"/>\n'
            f"<text>{value['text']}</text></annotation>"
        )

    passages = "\n".join(
        f"<passage><offset>{p['offset']}</offset><text>{p['text']}</text>"
        + "".join(map(annotation, p["annotations"]))
        + "</passage>"
        for p in _bioc(folder)["passages"]
    )
    (folder / "c.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n'
        "<collection><source>s</source><date>d</date><key>k</key>\n"
        f"<document><id>7</id>{passages}<relation id='R'><infon key='relation'>CID</infon>"
        "<node refid='0' role='Chemical'/></relation></document></collection>",
        "utf-8",
    )
    return folder / "c.xml"


def _brat(folder: Path) -> Path:
    lines = []
    for i, (start, end, kind, ids) in enumerate(EXPECTED):
        lines.append(f"T{i}\t{kind} {start} {end}\t{TEXT[start:end]}")
        lines += [f"N{i}{k}\tReference T{i} {own}\tname" for k, own in enumerate(ids)]
    lines += ["R1\tCID Arg1:T0 Arg2:T1", "#1\tAnnotatorNotes T0\tsure"]
    (folder / "brat").mkdir()
    (folder / "brat" / "7.txt").write_text(TEXT, "utf-8")
    (folder / "brat" / "7.ann").write_text("\n".join(lines) + "\n", "utf-8")
    return folder / "brat"


def _jsonl(folder: Path) -> Path:
    mentions = [
        {"start": s, "end": e, "type": kind, "entities": list(ids), "text": TEXT[s:e]}
        for s, e, kind, ids in EXPECTED
    ]
    line = json.dumps({"id": "7", "text": TEXT, "mentions": mentions}, ensure_ascii=False)
    (folder / "c.jsonl").write_text(line + "\n\n", "utf-8")
    return folder / "c.jsonl"


def _bern2(folder: Path) -> Path:
    annotations = [
        {"id": list(ids) or ["CUI-less"], "mention": TEXT[s:e], "obj": kind, "prob": None}
        | {"span": {"begin": s, "end": e}}
        for s, e, kind, ids in EXPECTED
    ]
    value = {"id": 7, "text": TEXT, "annotations": annotations}
    (folder / "bern2.json").write_text(json.dumps([value]), "utf-8")
    return folder / "bern2.json"


WRITERS = [_pubtator, _bioc_json, _bioc_xml, _brat, _jsonl, _bern2]


@pytest.mark.parametrize("write", WRITERS)
def test_every_format_gives_the_same_mentions(tmp_path, write):
    (document,) = read_documents(write(tmp_path))
    assert document.id == "7"
    assert document.text.split() == TEXT.split()
    assert [(a.start, a.end, a.type, a.ids) for a in document.annotations] == EXPECTED
    assert document.segment().mentions[2] == Mention(*EXPECTED[2][:2], "MESH:D013274|MESH:D008175")


@pytest.mark.parametrize("write", WRITERS)
def test_a_misplaced_annotation_is_reported_with_its_place_and_others_stay(tmp_path, write):
    path = write(tmp_path)
    for file in [path] if path.is_file() else [path / "7.ann"]:
        content = file.read_text("utf-8")
        start = EXPECTED[1][0]
        # The text before 'ulcer' shifts its first character out of the span.
        changed = re.sub(rf"(?<![0-9]){start}(?![0-9])", str(start + 1), content)
        assert changed != content
        file.write_text(changed, "utf-8")
    problems = []
    (document,) = read_documents(path, report=problems.append)
    assert [(a.start, a.end) for a in document.annotations] == [EXPECTED[0][:2], EXPECTED[2][:2]]
    assert [p.code for p in problems] == ["KP751"]
    assert str(file) in problems[0].where
    with pytest.raises(KpError) as caught:
        list(read_documents(path))
    assert caught.value.problems[0] == problems[0]


def test_line_based_formats_name_the_line(tmp_path):
    path = _pubtator(tmp_path)
    lines = path.read_text("utf-8").split("\n")
    for line in ("7\t0\t6\tAspirin\tChemical\tD1", "8\t0\t7\tAspirin\tX\tD1"):
        path.write_text("\n".join([*lines[:-1], line]), "utf-8")
        with pytest.raises(KpError) as caught:
            list(read_documents(path))
        assert caught.value.problems[0].where == f"{path}:7"
    xml = _bioc_xml(tmp_path)
    xml.write_text(xml.read_text("utf-8").replace(">ulcer</text>", ">sore</text>"), "utf-8")
    with pytest.raises(KpError) as caught:
        list(read_documents(xml))
    assert caught.value.problems[0].where == f"{xml}:6"


MALFORMED = [
    ("c.pubtator", "no document\n"),
    ("c.pubtator", "1|t|a\n1|a|b\n1|a|c\n"),
    ("c.pubtator", "1|t|a\n1\t0\n"),
    ("c.xml", "<collection><document></collection>"),
    ("c.xml", '<!DOCTYPE c [<!ENTITY a "aaaa">]><collection><document/></collection>'),
    (
        "c.xml",
        "<collection><document><passage><offset>x</offset></passage></document></collection>",
    ),
    ("c.json", "{"),
    ("c.json", "7"),
    ("c.json", '{"passages": [{"offset": 0, "text": "a", "annotations": [{}]}]}'),
    ("c.jsonl", '{"text": 1}\n'),
    ("c.jsonl", '{"text": "a", "mentions": [{"start": 0, "end": 1, "entty": "Q1"}]}\n'),
    ("c.jsonl", '{"text": "a", "mentions": [{"start": "0", "end": 1}]}\n'),
    ("c.json", "[" * 100_000),
    ("c.jsonl", '{"text": "a", "id": 1, "id": 2}\n'),
    ("c.jsonl", '{"text": "a", "id": 1.5}\n'),
    ("c.jsonl", '{"text": "a", "mentions": [{"start": 0, "end": 1, "entity": ["Q1"]}]}\n'),
    ("c.json", '{"id": true, "passages": []}'),
    ("c.ann", "T1\tDisease 0-1\ta\n"),
    ("c.ann", "N1\tReference T1 MESH:D1\ta\n"),
    ("c.ann", "?1\tDisease 0 1\ta\n"),
    ("c.ann", "\tDisease 0 1\ta\n"),
    ("c.jsonl", b'{"text": "\xff"}'),
    ("c.pubtator.gz", gzip.compress(b"1|t|a\n1|a|b\n", mtime=0)[:-9]),
    ("c.spacy", b"no docbin"),
]


@pytest.mark.parametrize(("name", "content"), MALFORMED)
def test_a_malformed_file_is_a_clear_error(tmp_path, name, content):
    path = tmp_path / name
    (tmp_path / "c.txt").write_text("a", "utf-8")
    if name.endswith(".spacy"):
        pytest.importorskip("spacy", reason="spaCy is not installed")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(KpError) as caught:
        list(read_documents(path, report=lambda problem: None))
    assert caught.value.code == "KP750"
    assert str(path) in caught.value.problems[0].where


def test_the_format_is_told_by_suffix_or_first_line(tmp_path):
    gzipped = tmp_path / "corpus.txt.gz"
    gzipped.write_bytes(gzip.compress(_pubtator(tmp_path).read_bytes()))
    assert document_format(gzipped) == "pubtator"
    assert document_format(_bioc_xml(tmp_path).rename(tmp_path / "corpus.bioc")) == "bioc-xml"
    (tmp_path / "lines.txt").write_text("One passage.\n\n Another. \n", "utf-8")
    assert [d.text for d in read_documents(tmp_path / "lines.txt")] == ["One passage.", "Another."]
    (tmp_path / "lines.ann").write_text("", "utf-8")
    assert document_format(tmp_path / "lines.txt") == "brat"
    # Nothing of brat's is read by another spelling of its suffix.
    (tmp_path / "LINES.TXT").write_text("One passage.", "utf-8")
    (tmp_path / "LINES.ann").write_text("", "utf-8")
    assert [d.text for d in read_documents(tmp_path / "LINES.TXT")] == ["One passage."]


def test_bioc_passages_without_usable_offsets_follow_each_other(tmp_path):
    passages = [
        {"offset": 0, "text": own, "annotations": [_at(own)]} for own in ("Ulm is.", "Bonn is.")
    ]
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"id": "1", "passages": passages}), "utf-8")
    (document,) = read_documents(path)
    assert [document.text[a.start : a.end] for a in document.annotations] == ["Ulm", "Bonn"]


def test_bioc_sentences_are_read_with_or_without_their_passages_text(tmp_path):
    sentences = [
        {"offset": at, "text": own, "annotations": [_at(own, at)]}
        for at, own in ((0, "Ulm is."), (8, "Bonn is."))
    ]
    path = tmp_path / "c.json"
    for text in ("", "Ulm is. Bonn is."):
        passage = {"offset": 0, "text": text, "sentences": sentences}
        path.write_text(json.dumps({"id": "1", "passages": [passage]}), "utf-8")
        (document,) = read_documents(path)
        assert [document.text[a.start : a.end] for a in document.annotations] == ["Ulm", "Bonn"]


def _at(text: str, offset: int = 0) -> dict:
    word = text.split(maxsplit=1)[0]
    return {"text": word, "locations": [{"offset": offset, "length": len(word)}]}


def test_medcats_export_is_read_without_what_annotators_took_back(tmp_path):
    given = [
        {"start": 0, "end": 3, "cui": "C1", "value": "Ulm"},
        {"start": 7, "end": 9, "cui": "C2", "value": "nt", "deleted": True},
    ]
    value = {"projects": [{"documents": [{"id": 3, "text": "Ulm isnt.", "annotations": given}]}]}
    (tmp_path / "export.json").write_text(json.dumps(value), "utf-8")
    (document,) = read_documents(tmp_path / "export.json")
    assert [(a.start, a.end, a.ids) for a in document.annotations] == [(0, 3, ("C1",))]


def test_what_the_link_command_writes_is_read(tmp_path):
    mention = {"start": 0, "end": 3, "mention": "Ulm", "entity": "Q1", "name": "Ulm, city"}
    value = {"id": "a:1", "text": "Ulm", "mentions": [{**mention, "score": 0.5, "types": ["city"]}]}
    (tmp_path / "linked.jsonl").write_text(json.dumps(value), "utf-8")
    (document,) = read_documents(tmp_path / "linked.jsonl")
    assert document.id == "a:1"
    assert document.segment().mentions == (Mention(0, 3, "Q1", 0.5),)
    assert document.annotations[0].type == "city"


def test_docbin_gives_entities_with_their_ids(tmp_path):
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed")
    from spacy.tokens import DocBin, Span

    doc = spacy.blank("en")("Aspirin helps an ulcer.")
    doc.ents = [
        Span(doc, 0, 1, label="Chemical", kb_id="MESH:D001241"),
        Span(doc, 3, 4, label="Disease"),
    ]
    DocBin(docs=[doc]).to_disk(tmp_path / "c.spacy")
    (document,) = read_documents(tmp_path / "c.spacy")
    found = [(document.text[a.start : a.end], a.type, a.ids) for a in document.annotations]
    assert found == [("Aspirin", "Chemical", ("MESH:D001241",)), ("ulcer", "Disease", ())]


@pytest.mark.skipif(not DATA.is_dir(), reason="the BC5CDR corpus is not at ../shared/data")
def test_bc5cdr_has_as_many_documents_and_mentions_as_lines_say():
    path = DATA / "test_corpus.txt.gz"
    documents = list(read_documents(path))
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
    columns = [line.split("\t") for line in lines if line.count("\t") >= 4]
    assert len(documents) == sum("|t|" in line for line in lines) == 500
    assert sum(len(d.annotations) for d in documents) == len(columns)
    nameless = sum(row[5] == "-1" for row in columns)
    assert sum(not a.ids for d in documents for a in d.annotations) == nameless > 0


def test_bioc_xml_reads_as_the_bioc_package_does(tmp_path):
    bioc = pytest.importorskip("bioc", reason="bioc is not installed")
    path = _bioc_xml(tmp_path)
    with path.open(encoding="utf-8") as file:
        (theirs,) = bioc.load(file).documents
    (ours,) = read_documents(path)
    expected = [
        (a.total_span.offset, a.total_span.end, a.text)
        for p in theirs.passages
        for a in p.annotations
    ]
    assert [(a.start, a.end, ours.text[a.start : a.end]) for a in ours.annotations] == expected


def test_an_id_that_is_the_number_0_is_an_id(tmp_path):
    own = {"text": "Ulm", "mentions": [{"start": 0, "end": 3, "entity": 0}]}
    (tmp_path / "own.jsonl").write_text(json.dumps(own))
    medcat = {"annotations": [{"start": 0, "end": 3, "cui": 0, "value": "Ulm"}]}
    exported = {"projects": [{"documents": [{"id": 3, "text": "Ulm", **medcat}]}]}
    (tmp_path / "medcat.json").write_text(json.dumps(exported))
    for name in ("own.jsonl", "medcat.json"):
        (document,) = read_documents(tmp_path / name)
        assert [annotation.ids for annotation in document.annotations] == [("0",)], name


@pytest.mark.parametrize("key", ["id", "_id"])
def test_an_id_that_is_null_is_none(tmp_path, key):
    path = tmp_path / "own.jsonl"
    path.write_text(f'{{"text": "Ulm", "{key}": null}}', "utf-8")
    assert [document.id for document in read_documents(path)] == ["0"]
    path.write_text('{"passages": [], "id": null}', "utf-8")
    assert [document.id for document in read_documents(path)] == [""]


@pytest.mark.parametrize("write", WRITERS)
def test_a_byte_order_mark_is_no_part_of_a_document(tmp_path, write):
    path = write(tmp_path)
    if path.is_dir():  # brat counts the mark of a text in its offsets
        text, path = path / "7.txt", path / "7.ann"
        text.write_text("\ufeff" + text.read_text("utf-8"), "utf-8")
        content = re.sub(
            r" (\d+) (\d+)\t",
            lambda found: f" {int(found[1]) + 1} {int(found[2]) + 1}\t",
            path.read_text("utf-8"),
        )
    else:
        content = path.read_text("utf-8")
    path.write_text("\ufeff" + content, "utf-8")
    (document,) = read_documents(path)
    assert document.text.split() == TEXT.split()
    assert [(a.start, a.end, a.type, a.ids) for a in document.annotations] == EXPECTED
