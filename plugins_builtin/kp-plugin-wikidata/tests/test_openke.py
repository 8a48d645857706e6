import json
import subprocess
import sys

import pytest

from kpframework import KpError
from kpframework.api import Triple

FILES = {
    "entity2id.txt": "3\n/m/b\t1\n/m/a\t0\nnew york\t2\n",
    "relation2id.txt": "2\n/people/born in\t1\n/part\t0\n",
    "train2id.txt": "2\n0 2 1\n2 1 0\n",
    "valid2id.txt": "1\n1\t0\t0\n",
    "test2id.txt": "0\n",
}


@pytest.fixture
def folder(tmp_path):
    def make(**changed):
        path = tmp_path / "folder"
        path.mkdir()
        for name, usual in FILES.items():
            content = changed.get(name.removesuffix(".txt"), usual)
            (path / name).write_bytes(content.encode(errors="surrogateescape"))
        return path

    return make


def everything(made):
    return list(made.entities()), list(made.triples())


def test_columns_are_head_tail_relation(provider, folder):
    made = provider("openke", folder=folder(), splits=["train"])
    assert list(made.triples()) == [
        Triple("/m/a", "/people/born in", "new york"),
        Triple("new york", "/part", "/m/b"),
    ]


def test_entities_come_by_number_whatever_the_order_of_the_file(provider, folder):
    made = provider("openke", folder=folder())
    assert [entity.id for entity in made.entities()] == ["/m/a", "/m/b", "new york"]
    assert len(list(made.triples())) == 3
    assert [path.name for path in made.files()] == [
        "entity2id.txt",
        "relation2id.txt",
        "train2id.txt",
        "valid2id.txt",
        "test2id.txt",
    ]


def test_small_batches_give_the_same(provider, folder, monkeypatch):
    path = folder()
    expected = everything(provider("openke", folder=path))
    monkeypatch.setattr("kp_plugin_wikidata.openke._BATCH", 1)
    assert everything(provider("openke", folder=path)) == expected


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("train2id", "3\n0 2 1\n2 1 0\n", "says 3 lines, but 2 follow"),
        ("train2id", "1\n0 2 1\n2 1 0\n", "says 1 lines, but 2 follow"),
        ("entity2id", "4\n/m/b\t1\n/m/a\t0\nx\t2\n", "says 4 lines, but 3"),
        ("relation2id", "1\na\t0\nb\t1\n", "says 1 lines, but 2"),
        ("train2id", "0 2 1\n2 1 0\n", "the first line is no count"),
        ("train2id", "", "the first line is no count"),
        ("train2id", "9" * 5_000 + "\n0 2 1\n", "the first line is no count"),
        ("entity2id", "3\na\t1\nb\t0\nc\t3\n", "not 0 to 2"),
        ("entity2id", "3\na\t1\nb\t0\nc\t1\n", "not 0 to 2"),
        ("entity2id", "3\na\t1\na\t0\nc\t2\n", "the name 'a' comes twice"),
    ],
)
def test_files_that_contradict_themselves_are_an_error(provider, folder, name, content, said):
    with pytest.raises(KpError, match="KP492") as caught:
        everything(provider("openke", folder=folder(**{name: content})))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("train2id", "1\n0 1 2\n", "the columns are head, tail, relation"),
        ("train2id", "1\n0 3 1\n", "there are 3 entities"),
        ("train2id", "1\n0 1\n", "not the numbers"),
        ("train2id", "1\n0 -1 1\n", "not the numbers"),
        ("train2id", f"1\n0 {'9' * 5_000} 1\n", "not the numbers"),
        ("train2id", "1\n0 1 1 \udcff\n", "not UTF-8"),
        ("entity2id", f"3\na\t1\nb\t{'9' * 30}\nc\t2\n", "not a name and a number"),
        ("entity2id", "3\na\t1\nb\nc\t2\n", "not a name and a number"),
    ],
)
def test_a_malformed_line_is_an_error_with_its_line(provider, folder, name, content, said):
    line = 3 if name == "entity2id" else 2
    with pytest.raises(KpError, match="KP490") as caught:
        everything(provider("openke", folder=folder(**{name: content})))
    assert f"{name}.txt:{line}" in str(caught.value)
    assert said in str(caught.value)
    assert caught.value.problems[0].fix == "correct the file"  # no line can be left out


def test_line_ends_of_another_system_read_the_same_and_repeated_triples_stay(provider, folder):
    changed = {
        name.removesuffix(".txt"): text.replace("\n", "\r\n") for name, text in FILES.items()
    }
    changed["train2id"] = "3\r\n0 2 1\r\n0 2 1\r\n2 1 0\r\n"
    entities, triples = everything(provider("openke", folder=folder(**changed)))
    assert [entity.id for entity in entities] == ["/m/a", "/m/b", "new york"]
    assert triples[0] == triples[1]
    assert len(triples) == 4


def test_a_split_that_is_not_there_is_an_error(provider, folder):
    path = folder()
    (path / "valid2id.txt").unlink()
    assert len(everything(provider("openke", folder=path, splits=["train"]))[1]) == 2
    with pytest.raises(KpError, match=r"KP492(.|\n)*valid2id\.txt"):
        provider("openke", folder=path).files()


def test_the_four_readers_are_listed_with_their_options():
    command = [sys.executable, "-m", "kpframework", "plugins", "list", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert {p["name"]: p["state"] for p in json.loads(done.stdout)}["wikidata"] == "ok"
    for name in ("wikidata-dump", "wikidata5m", "openke", "codex"):
        command = [sys.executable, "-m", "kpframework", "plugins", "show", f"kb/{name}"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert "release" in done.stdout
