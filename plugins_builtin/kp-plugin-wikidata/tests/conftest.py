import pytest
from kp_plugin_wikidata import config
from kp_plugin_wikidata.codex import CodexProvider
from kp_plugin_wikidata.dump import DumpProvider
from kp_plugin_wikidata.openke import OpenKEProvider
from kp_plugin_wikidata.wikidata5m import Wikidata5mProvider

from kpframework.api import Context

READERS = {
    "wikidata-dump": (config.DumpConfig, DumpProvider),
    "wikidata5m": (config.Wikidata5mConfig, Wikidata5mProvider),
    "openke": (config.OpenKEConfig, OpenKEProvider),
    "codex": (config.CodexConfig, CodexProvider),
}


@pytest.fixture
def provider(tmp_path):
    """Return the provider of a name with some options; paths are turned into strings."""

    def make(name, **options):
        model, kind = READERS[name]
        texts = {
            key: [str(v) for v in value]
            if isinstance(value, list)
            else value
            if isinstance(value, dict | bool)
            else str(value)
            for key, value in options.items()
        }
        return kind(model(**texts), Context(scratch=tmp_path / "scratch"))

    return make


@pytest.fixture
def write(tmp_path):
    """Write a file of a name."""

    def make(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make
