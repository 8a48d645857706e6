import gzip

import pytest

from kpframework import KpError

NAMES = [{"CUI": f"C000000{i}", "STR": f"name {i}"} for i in range(1, 6)]


def spoilt(meta, name, line, content):
    """Return a META folder in whose file one line is replaced."""
    folder = meta(
        MRCONSO=NAMES,
        MRREL=[{"CUI1": "C0000001", "CUI2": f"C000000{i}"} for i in range(2, 6)],
        MRSTY=[{"CUI": name["CUI"]} for name in NAMES],
        MRDEF=[{"CUI": name["CUI"], "DEF": "d"} for name in NAMES],
    )
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    lines[line - 1] = content(lines[line - 1])
    (folder / name).write_bytes(b"".join(lines))
    return folder


def everything(made):
    return list(made.triples()), list(made.entities())


FAULTS = {
    "columns instead of 18": lambda line: line.replace(b"|", b"", 1),
    "19 columns": lambda line: b"|" + line,
    "behind the last": lambda line: line.replace(b"|\n", b"|x\n"),
    "17 columns": lambda line: line.replace(b"|\n", b"\n"),
    "STR is not UTF-8": lambda line: line.replace(b"name", b"na\xffme"),
    "CUI is empty": lambda line: line[8:],
    "STR is empty": lambda line: line.replace(b"name 3", b""),
    "0 columns": lambda line: b"\n",
    "1 columns": lambda line: b"\xff|\n",
    "carriage return": lambda line: line.replace(b"name", b"na\rme"),
}


@pytest.mark.parametrize("said", FAULTS)
def test_a_malformed_line_is_an_error_with_its_file_and_line(meta, provider, said):
    folder = spoilt(meta, "MRCONSO.RRF", 3, FAULTS[said])
    with pytest.raises(KpError, match=r"KP482") as caught:
        everything(provider(folder))
    assert "MRCONSO.RRF:3" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("said", FAULTS)
def test_a_malformed_line_can_be_left_out_and_is_counted(meta, provider, said):
    made = provider(spoilt(meta, "MRCONSO.RRF", 3, FAULTS[said]), on_bad_line="skip")
    triples, entities = everything(made)
    assert [e.id[-1] for e in entities] == ["1", "2", "4", "5"]
    assert [t.head[-1] for t in triples] == ["2", "4", "5"]
    assert made.metadata()["malformed_MRCONSO.RRF"] == "1"


@pytest.mark.parametrize(
    ("name", "line", "content"),
    [
        ("MRREL.RRF", 2, lambda line: line.replace(b"RO", b"")),
        ("MRREL.RRF", 4, lambda line: line[:20] + b"\n"),
        ("MRSTY.RRF", 1, lambda line: line.replace(b"T047", b"")),
        ("MRDEF.RRF", 5, lambda line: line.replace(b"|d|", b"|\xc3|")),
    ],
)
def test_the_other_files_are_held_to_the_same(meta, provider, name, line, content):
    folder = spoilt(meta, name, line, content)
    with pytest.raises(KpError, match="KP482") as caught:
        everything(provider(folder))
    assert f"{name}:{line}" in str(caught.value)
    made = provider(folder, on_bad_line="skip")
    everything(made)
    assert made.metadata()[f"malformed_{name}"] == "1"


def test_faults_of_both_kinds_in_one_file_are_all_counted(meta, provider):
    folder = spoilt(meta, "MRCONSO.RRF", 2, FAULTS["STR is not UTF-8"])
    lines = (folder / "MRCONSO.RRF").read_bytes().splitlines(keepends=True)
    lines[3] = b"too|short|\n"
    (folder / "MRCONSO.RRF").write_bytes(b"".join(lines))
    made = provider(folder, on_bad_line="skip")
    assert [e.id[-1] for e in made.entities()] == ["1", "3", "5"]
    assert made.metadata()["malformed_MRCONSO.RRF"] == "2"
    with pytest.raises(KpError, match=r"MRCONSO\.RRF:(2|4)"):
        list(provider(folder).entities())


def test_quotes_are_characters(meta, provider):
    names = [{"CUI": "C0000001", "STR": '5" nail, "rusty'}, {"CUI": "C0000002", "STR": "'b'\\"}]
    assert [e.name for e in provider(meta(MRCONSO=names)).entities()] == [
        '5" nail, "rusty',
        "'b'\\",
    ]


def test_lines_of_another_system_are_read_the_same(meta, provider):
    folder = meta(MRCONSO=NAMES)
    expected = list(provider(folder).entities())
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert list(provider(folder).entities()) == expected


@pytest.mark.parametrize("name", ["MRCONSO.RRF", "MRREL.RRF", "MRDEF.RRF", "MRFILES.RRF"])
def test_a_truncated_gzip_is_a_clear_error_even_where_lines_may_be_skipped(meta, provider, name):
    folder = spoilt(meta, name, 1, lambda line: line)
    packed = gzip.compress((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / f"{name}.gz").write_bytes(packed[:-12])
    with pytest.raises(KpError, match=r"KP483(.|\n)*cannot be read to its end") as caught:
        everything(provider(folder, on_bad_line="skip"))
    assert f"{name}.gz" in str(caught.value)


def test_a_plain_file_cut_off_in_a_line_is_an_error(meta, provider):
    folder = meta(MRCONSO=NAMES)
    content = (folder / "MRCONSO.RRF").read_bytes()
    (folder / "MRCONSO.RRF").write_bytes(content[:-9])
    with pytest.raises(KpError, match=r"MRCONSO\.RRF:5"):
        everything(provider(folder))


def test_a_file_with_other_than_the_listed_rows_says_so(meta, provider):
    folder = meta(MRCONSO=NAMES)
    lines = (folder / "MRCONSO.RRF").read_bytes().splitlines(keepends=True)
    (folder / "MRCONSO.RRF").write_bytes(b"".join(lines[:3]))
    made = provider(folder)
    everything(made)
    assert made.metadata()["rows_MRCONSO.RRF"] == "3, MRFILES.RRF says 5"


def test_a_folder_that_is_no_metathesaurus_is_an_error(tmp_path, provider, meta):
    with pytest.raises(KpError, match=r"KP480(.|\n)*MRFILES"):
        provider(tmp_path).files()
    folder = meta(MRCONSO=NAMES)
    (folder / "MRCONSO.RRF").unlink()
    with pytest.raises(KpError, match=r"KP480(.|\n)*MRCONSO\.RRF is not there"):
        everything(provider(folder))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("CUI,TUI,STN,STY,ATUI,CVF|6", "CUI,TUI,STN,STYDESC,ATUI|6", "KP481"),
        ("CUI,TUI,STN,STY,ATUI,CVF|6", "CUI,TUI,STN,STYX,ATUI,CVF|6", "KP481"),
        ("|0|\n", "|0\n", "KP482"),
        ("MRCUI.RRF|", "MRFILES.RRF|", "KP481"),
    ],
)
def test_a_listing_that_contradicts_itself_is_an_error(meta, provider, old, new, code):
    folder = meta(MRCONSO=NAMES)
    listing = (folder / "MRFILES.RRF").read_text(encoding="utf-8")
    assert old in listing
    (folder / "MRFILES.RRF").write_text(listing.replace(old, new), encoding="utf-8")
    with pytest.raises(KpError, match=code):
        everything(provider(folder))


def test_empty_files_are_no_rows(meta, provider):
    made = provider(meta(MRCONSO=NAMES))
    assert (list(made.triples()), len(list(made.entities()))) == ([], 5)
    assert made.metadata()["concepts_without_type"] == "5"


def test_a_line_too_long_to_hold_is_an_error_with_its_place(meta, provider, monkeypatch):
    monkeypatch.setattr("kp_plugin_umls.rrf._BLOCK", 16)
    monkeypatch.setattr("kp_plugin_umls.rrf._LONGEST", 500)
    folder = spoilt(meta, "MRCONSO.RRF", 3, lambda line: b"x" * 600 + line)
    with pytest.raises(KpError, match=r"KP483(.|\n)*MRCONSO\.RRF:3(.|\n)*a line is longer"):
        everything(provider(folder))


def test_lines_read_the_same_in_blocks_of_any_size(meta, provider, monkeypatch):
    folder = spoilt(meta, "MRCONSO.RRF", 5, lambda line: line.removesuffix(b"\n"))
    whole = everything(provider(folder))
    for block in (1, 16, 101):
        monkeypatch.setattr("kp_plugin_umls.rrf._BLOCK", block)
        assert everything(provider(folder)) == whole
