"""`kpframework link` on a small corpus, with small shards."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from kpframework.cli.link import GOLD_FORMATS
from kpframework.cli.link import INPUT_FORMATS as OFFERED
from kpframework.cli.root import run
from kpframework.link.inputs import INPUT_FORMATS
from kpframework.testing.distributions import fake_plugin

RAISES = """
from kpframework.api import Linker


class Target(Linker):
    in_prepare = False
    in_link = False

    def prepare(self, kb):
        if self.in_prepare:
            raise RuntimeError("no luck")

    def link(self, segments):
        if self.in_link:
            raise RuntimeError("no luck")
        return [[] for _ in segments]
"""


def records(path):
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def test_every_text_becomes_a_record_whose_mentions_are_where_they_say(corpus, link, tmp_path):
    out = tmp_path / "out.jsonl"
    summary = link(corpus.texts, "-o", out)
    texts = corpus.texts.read_text("utf-8").splitlines()
    found = records(out)
    assert [record["text"] for record in found] == texts
    assert [record["id"] for record in found] == [
        f"{corpus.texts}:{number}" for number in range(1, len(texts) + 1)
    ]
    mentions = [(r["text"], m) for r in found for m in r["mentions"]]
    assert all(text[m["start"] : m["end"]] == m["mention"] for text, m in mentions)
    first = found[0]["mentions"][0]
    assert first == {
        "start": 4,
        "end": 18,
        "mention": "arachnodactyly",
        "entity": "E0",
        "name": "arachnodactyly",
        "score": 1.0,
        "types": ["finding"],
    }
    # Counted from the records, independently of the workers' own counts.
    coverage = summary["coverage"]
    entities = [m["entity"] for _, m in mentions]
    assert coverage["texts"] == 60
    assert coverage["characters"] == sum(map(len, texts))
    assert coverage["mentions"] == len(mentions)
    assert coverage["texts_with_mentions"] == sum(bool(r["mentions"]) for r in found)
    assert coverage["entities"] == len(set(entities))
    assert coverage["mentions_per_1000_characters"] == 1000 * len(mentions) / sum(map(len, texts))
    most = coverage["frequent"][0]
    assert most["mentions"] == entities.count(most["entity"]) == max(map(entities.count, entities))
    assert coverage["linker"]["names"] == 6
    assert summary["shards"] > 3
    assert not (tmp_path / "out.jsonl.shards").exists()


@pytest.mark.parametrize(("deaths", "suffix"), [(0, "jsonl"), (2, "parquet")])
def test_processes_write_the_same_bytes_as_this_one_though_they_are_killed(
    corpus, link, tmp_path, deaths, suffix
):
    one, two = tmp_path / f"one.{suffix}", tmp_path / f"two.{suffix}"
    here = link(corpus.texts, "-o", one, linker=corpus.linker)
    corpus.kill_workers(deaths)
    there = link(corpus.texts, "-o", two, "--workers", 2, linker=corpus.linker)
    assert not list(corpus.orders.iterdir())
    assert one.read_bytes() == two.read_bytes()
    assert here["coverage"] == there["coverage"]
    # One linker counted on, several counted each for itself.
    assert here["coverage"]["linker"] == {"names": 6, "texts": 60}


def command(corpus, out, *more):
    line = [sys.executable, "-m", "kpframework", "link", corpus.kb, corpus.texts, "-o", out]
    line += ["--linker", corpus.linker, "--shard-size", "0.0005", *more]
    environment = {**os.environ, "PYTHONPATH": str(corpus.site)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(list(map(str, line)), env=environment, text=True, **pipes)


def test_a_command_that_was_killed_goes_on_to_the_same_bytes(corpus, link, tmp_path):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    shards = link(corpus.texts, "-o", whole, linker=corpus.linker)["shards"]
    corpus.put_to_sleep(batches=3)
    process = command(corpus, out, "--executor", "serial")
    assert corpus.asleep(1) == [process.pid]
    corpus.wake()
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    left = tmp_path / "out.jsonl.shards"
    assert left.is_dir()
    assert not out.exists()
    summary = link(corpus.texts, "-o", out, linker=corpus.linker)
    assert out.read_bytes() == whole.read_bytes()
    assert summary["linked"] == shards - 3
    assert not left.exists()


def test_only_what_is_missing_is_linked(corpus, link, tmp_path, monkeypatch):
    from kpframework.link import job

    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    shards = link(corpus.texts, "-o", whole)["shards"]
    with monkeypatch.context() as patch:

        def full(*_, **__):
            raise OSError(28, "No space left on device")

        patch.setattr(job, "join", full)
        assert "No space left" in link(corpus.texts, "-o", out, code=1)
    done = sorted(p for p in (tmp_path / "out.jsonl.shards").iterdir() if p.name[0] != ".")
    done = [p for p in done if p.name != "inputs"]
    assert len(done) == shards
    # One is damaged, one is gone.
    (done[0] / "records.jsonl").write_text("{}\n")
    for path in done[1].iterdir():
        path.unlink()
    done[1].rmdir()
    assert link(corpus.texts, "-o", out)["linked"] == 2
    assert out.read_bytes() == whole.read_bytes()


def test_a_finished_output_is_not_made_again_and_a_changed_one_is_not_replaced(
    corpus, link, tmp_path
):
    out = tmp_path / "out.jsonl"
    first = link(corpus.texts, "-o", out)
    before = out.stat().st_mtime_ns
    again = link(corpus.texts, "-o", out)
    assert again["linked"] == 0
    assert again["coverage"] == first["coverage"]
    assert out.stat().st_mtime_ns == before
    # Another linker: another job, and the output is this command's own.
    assert link(corpus.texts, "-o", out, linker=corpus.linker)["linked"] > 0
    out.write_text(out.read_text() + "mine\n")
    assert "KP832" in link(corpus.texts, "-o", out, code=2)
    assert out.read_text().endswith("mine\n")
    link(corpus.texts, "-o", out, "--overwrite")
    assert not out.read_text().endswith("mine\n")


def test_ctrl_c_stops_the_workers_and_exits_with_130(corpus, tmp_path):
    corpus.put_to_sleep()
    process = command(corpus, tmp_path / "out.jsonl", "--workers", "2")
    workers = corpus.asleep(2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_parquet_holds_what_json_lines_hold(corpus, link, tmp_path):
    lines, table = tmp_path / "a.jsonl", tmp_path / "a.parquet"
    shards = link(corpus.texts, "-o", lines)["shards"]
    link(corpus.texts, "-o", table)
    assert pq.read_table(table).to_pylist() == records(lines)
    assert pq.read_metadata(table).num_row_groups == shards


def test_gzipped_input_and_output_and_stdin_give_the_same_mentions(
    corpus, link, tmp_path, monkeypatch, capsys
):
    plain, zipped = tmp_path / "plain.jsonl", tmp_path / "zipped.jsonl.gz"
    link(corpus.texts, "-o", plain)
    source = tmp_path / "texts.txt.gz"
    source.write_bytes(gzip.compress(corpus.texts.read_bytes()))
    link(source, "-o", zipped)
    expected = [(r["text"], r["mentions"]) for r in records(plain)]
    unzipped = gzip.decompress(zipped.read_bytes()).decode().splitlines()
    assert [(r["text"], r["mentions"]) for r in map(json.loads, unzipped)] == expected
    stdin = io.TextIOWrapper(io.BytesIO(corpus.texts.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    line = ["link", str(corpus.kb), "-", "-o", "-", "--linker", "gazetteer", "-q"]
    assert run(line) == 0
    shown = capsys.readouterr()
    found = list(map(json.loads, shown.out.splitlines()))
    assert [(r["text"], r["mentions"]) for r in found] == expected
    assert found[0]["id"] == "stdin:1"
    assert shown.out.isascii()
    assert "60 texts" in shown.err


def test_a_gzipped_file_cut_short_is_an_error(corpus, link, tmp_path):
    source = tmp_path / "texts.txt.gz"
    source.write_bytes(gzip.compress(corpus.texts.read_bytes())[:-20])
    said = link(source, "-o", tmp_path / "out.jsonl", code=1)
    assert "KP831" in said
    assert "texts.txt.gz" in said


BAD = (
    b'{"id": "a", "text": "the aorta"}\n'
    b"\n"
    b"not json\n"
    b'{"id": "b", "text": 3}\n'
    b'{"id": 7, "text": "caf\xc3\xa9 lens"}\n'
    b'{"id": "c", "text": "\xff"}\n'
    b'{"text": "half \\ud800"}\n'
    b'{"id": "\\ud800", "text": "whole"}\n'
    b'{"text": "lens", "mentions": [{"start": 0, "end": 9}]}\n'
)


def test_a_bad_line_stops_with_its_place_or_is_left_out_and_counted(corpus, link, tmp_path):
    source, out = tmp_path / "bad.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(BAD)
    said = link(source, "-o", out, code=1)
    assert f"{source}:3" in said
    assert "KP835" in said
    assert not out.exists()
    summary = link(source, "-o", out, "--on-error", "skip")["coverage"]
    assert [record["id"] for record in records(out)] == ["a", "7"]
    assert [m["mention"] for r in records(out) for m in r["mentions"]] == ["aorta", "lens"]
    assert (summary["texts"], summary["blank_lines"], summary["bad_lines"]) == (2, 1, 6)
    places = [problem["where"] for problem in summary["problems"]]
    assert places == [f"{source}:{number}" for number in (3, 4, 6, 7, 8, 9)]
    # What was left out before is not passed over when it shall stop.
    assert "KP835" in link(source, "-o", out, code=1)


def test_an_input_that_is_not_there_is_told_where_the_output_is_already(corpus, link, tmp_path):
    out = tmp_path / "out.jsonl"
    link(corpus.texts, "-o", out)
    assert "KP830" in link(tmp_path / "mistyped.txt", "-o", out, code=2)


def test_a_whole_file_is_one_text_and_fields_can_be_named(corpus, link, tmp_path):
    out = tmp_path / "out.jsonl"
    link(corpus.texts, "-o", out, "--input-format", "file", "--no-text")
    (record,) = records(out)
    assert record["id"] == str(corpus.texts)
    assert "text" not in record
    text = corpus.texts.read_text("utf-8")
    assert all(text[m["start"] : m["end"]] == m["mention"] for m in record["mentions"])
    source = tmp_path / "named.ndjson"
    source.write_text('{"pmid": 12, "body": "the aorta"}\n')
    link(source, "-o", out, "--text-field", "body", "--id-field", "pmid")
    assert records(out)[0]["id"] == "12"


def test_the_annotated_linker_sees_the_mentions_of_the_input_unless_told_otherwise(
    corpus, link, tmp_path
):
    source, out = tmp_path / "given.jsonl", tmp_path / "out.jsonl"
    mention = {"start": 2, "end": 7, "entity": "E3"}
    source.write_text(json.dumps({"text": "a hart b", "mentions": [mention]}) + "\n")
    link(source, "-o", out, linker="annotated")
    assert records(out)[0]["mentions"][0]["entity"] == "E3"
    for shown in ("none", "spans"):
        link(source, "-o", out, "--mentions", shown, linker="annotated")
        assert records(out)[0]["mentions"] == []


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("where", ["prepare", "link"])
def test_what_a_linker_raises_is_told_alike_here_and_in_workers(
    corpus, link, tmp_path, workers, where
):
    plugin = fake_plugin(corpus.site, "raises", components=[("linker", "raises")])
    (corpus.site / plugin.module / "target.py").write_text(
        RAISES.replace(f"in_{where} = False", f"in_{where} = True")
    )
    source = tmp_path / "one.txt"
    source.write_text("one line\n" * (1 if workers == 0 else 200))
    how = ("--workers", workers) if workers else ()
    said = link(source, "-o", tmp_path / "out.jsonl", *how, linker="raises", code=1)
    assert "KP840" in said
    assert "a worker failed: RuntimeError: no luck" in said


def test_a_change_of_one_line_links_only_the_shards_it_is_in(corpus, link, tmp_path, monkeypatch):
    from kpframework.link import job

    source = tmp_path / "texts.txt"
    source.write_bytes(corpus.texts.read_bytes() * 2)

    def fail(*_, **__):
        raise OSError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(job, "join", fail)
        assert "stopped" in link(source, "-o", tmp_path / "out.jsonl", code=1)
    source.write_bytes(source.read_bytes() + b"one more aorta\n")
    assert link(source, "-o", tmp_path / "out.jsonl")["linked"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.txt", "-o", "x.jsonl"], "KP830"),
        (["{texts}", "{texts}", "-o", "x.jsonl"], "KP830"),
        (["{folder}", "-o", "x.jsonl"], "KP830"),
        (["{texts}", "-o", "x.csv"], "KP836"),
        (["{texts}", "-o", "{texts}"], "KP836"),
        (["{texts}", "-o", "{texts}", "--format", "jsonl"], "KP832"),
        (["{texts}"], "give -o FILE"),
        ([], "give an INPUT"),
        (["{texts}", "-o", "x.jsonl", "--workers", "2", "--executor", "serial"], "workers"),
        (["{texts}", "-o", "x.jsonl", "--executor", "lokal"], "Did you mean"),
        (["{texts}", "-o", "x.jsonl", "--executor", "{{"], "KP111"),
        (["{texts}", "-o", "x.jsonl", "--set", "name=x"], "not for a folder"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_linked(
    corpus, link, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    places = {"texts": corpus.texts, "folder": tmp_path}
    said = link(*[a.format(**places) for a in arguments], code=2)
    assert message in said


def test_a_folder_without_a_linker_and_one_without_a_knowledge_base_are_refused(
    corpus, tmp_path, capsys
):
    line = ["link", str(corpus.kb), str(corpus.texts), "-o", str(tmp_path / "o.jsonl")]
    assert run(line) == 2
    assert "KP838" in capsys.readouterr().err
    line[1] = '{"type": "triples", "paths": ["kb/triples.tsv"]}'
    assert run(line) == 2
    assert "KP838" in capsys.readouterr().err
    line[1] = str(tmp_path / "none")
    (tmp_path / "none").mkdir()
    assert run(line) == 2
    assert "KP822" in capsys.readouterr().err


def test_the_command_offers_every_format_that_can_be_read():
    assert sorted(OFFERED) == sorted(INPUT_FORMATS)
    assert sorted(GOLD_FORMATS) == sorted({*INPUT_FORMATS} - {"lines", "file"})


def test_annotations_of_brat_and_suffixes_in_capitals_are_what_they_are(corpus, link, tmp_path):
    out = tmp_path / "out.jsonl"
    (tmp_path / "d.txt").write_text("the aorta", "utf-8")
    (tmp_path / "d.ann").write_text("T1\tPart 4 9\taorta\n", "utf-8")
    link(tmp_path / "d.ann", "-o", out, "--overwrite")
    assert [record["text"] for record in records(out)] == ["the aorta"]
    (tmp_path / "D.JSONL").write_text('{"id": "a", "text": "the aorta"}\n', "utf-8")
    link(tmp_path / "D.JSONL", "-o", out, "--overwrite")
    assert [(record["id"], record["text"]) for record in records(out)] == [("a", "the aorta")]
