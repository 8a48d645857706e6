"""The executor on a local cluster; skipped where Ray is not installed."""

import json
import os
from importlib.util import find_spec

import pytest
from kp_plugin_ray.config import RayConfig
from kp_plugin_ray.executor import RayExecutor

from kpframework import KpError
from kpframework.api import Context
from kpframework.cli.root import run
from kpframework.testing.corpus import tiny_corpus

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="ray is not installed: pip install -r requirements-long.txt"
)
SHARDS = [{"number": number} for number in range(12)]


def cluster(**options):
    return RayExecutor(RayConfig(**{"workers": 2, **options}), Context())


@needs_ray
def test_a_worker_killed_ten_times_loses_nothing_and_doubles_nothing(work, tmp_path):
    for number in range(10):
        (tmp_path / f"die-{number}").touch()
    found = list(cluster(retries=10).map(work, SHARDS))
    assert not list(tmp_path.glob("die-*"))
    assert len(found) == len(SHARDS)
    assert dict(found) == {number: {"square": number**2} for number in range(12)}
    assert [(tmp_path / f"done-{n}").read_text() for n in range(12)] == ["x"] * 12


@needs_ray
def test_a_shard_that_no_worker_survives_is_given_up_after_its_retries(work):
    with pytest.raises(KpError, match="died 2 times") as caught:
        list(cluster(retries=1).map(work, [{"number": 0, "what": "exit"}]))
    assert caught.value.code == "KP841"


@needs_ray
def test_what_a_shard_raises_is_raised_here(work):
    with pytest.raises(KpError) as caught:
        list(cluster().map(work, [{"number": 0, "what": "error"}]))
    assert (caught.value.code, caught.value.problems[0].where) == ("KP900", "a:1")


@needs_ray
@pytest.mark.parametrize("deaths", [0, 10])
def test_a_corpus_linked_on_ray_has_the_bytes_of_one_linked_here(
    tmp_path, monkeypatch, capsys, deaths
):
    corpus = tiny_corpus(tmp_path)
    monkeypatch.syspath_prepend(corpus.site)
    monkeypatch.setenv("KPFRAMEWORK_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))

    def link(name, executor):
        line = ["link", str(corpus.kb), str(corpus.texts), "-o", str(tmp_path / name), "--json"]
        line += ["--linker", corpus.linker, "--shard-size", "0.0005", "-q", "--executor", executor]
        capsys.readouterr()
        assert run(line) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    here = link("here.jsonl", "serial")
    corpus.kill_workers(deaths)
    there = link("there.jsonl", '{"type": "ray", "workers": 2, "retries": 10}')
    assert (tmp_path / "here.jsonl").read_bytes() == (tmp_path / "there.jsonl").read_bytes()
    assert here["coverage"] == there["coverage"]
    assert there["linked"] == there["shards"] > 3
    assert not list(corpus.orders.iterdir())


@pytest.mark.skipif(find_spec("ray") is not None, reason="ray is installed")
def test_without_ray_the_error_says_how_to_install_it(work):
    with pytest.raises(KpError) as caught:
        next(cluster().map(work, SHARDS))
    assert caught.value.code == "KP843"
    assert "kp-plugin-ray[ray]" in caught.value.problems[0].fix


def test_the_environment_of_this_process_is_as_it_was(work):
    before = dict(os.environ)
    with pytest.raises(KpError):
        list(cluster(address="127.0.0.1:1").map(work, SHARDS))
    assert dict(os.environ) == before
