import json

import pytest

from kpframework.cli.root import run
from kpframework.testing.corpus import tiny_corpus


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    corpus = tiny_corpus(tmp_path)
    monkeypatch.syspath_prepend(corpus.site)
    monkeypatch.setenv("KPFRAMEWORK_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    return corpus


@pytest.fixture
def link(corpus, tmp_path, capsys):
    """Link with small shards in this process; return the summary, or what stderr says."""

    def linked(*arguments, linker=None, spec=None, code=0):
        common = [str(spec or corpus.kb), *map(str, arguments), "--json", "-q"]
        common += ["--shard-size", "0.0005"]
        if spec is None:
            common += ["--linker", linker or "gazetteer"]
        if "--executor" not in common and "--workers" not in common:
            common += ["--executor", "serial"]
        capsys.readouterr()
        assert run(["link", *common]) == code, capsys.readouterr().err
        shown = capsys.readouterr()
        return json.loads(shown.out) if code == 0 else shown.err

    return linked
