import pytest
from kp_plugin_umls.config import UmlsConfig
from kp_plugin_umls.made_up import LAYOUT
from kp_plugin_umls.provider import UmlsProvider
from kp_plugin_umls.synthetic import write

from kpframework.api import Context

EMPTY = {column: "" for columns in LAYOUT.values() for column in columns}
ATOM = EMPTY | {"LAT": "ENG", "TS": "P", "STT": "PF", "ISPREF": "Y", "SAB": "MSH", "SRL": "0"}
PLAIN = {
    "MRCONSO.RRF": ATOM | {"SUPPRESS": "N"},
    "MRSTY.RRF": EMPTY | {"TUI": "T047", "STY": "Disease or Syndrome"},
    "MRDEF.RRF": EMPTY | {"SAB": "MSH", "SUPPRESS": "N"},
    "MRREL.RRF": EMPTY | {"REL": "RO", "SAB": "MSH", "SUPPRESS": "N"},
    "MRCUI.RRF": EMPTY | {"VER": "2000AA"},
}


@pytest.fixture
def meta(tmp_path):
    """Write a META folder of the rows that are given as dictionaries; the rest is usual."""

    def make(layout=LAYOUT, folder="META", **tables):
        path = tmp_path / folder
        path.mkdir()
        listing = []
        for name, usual in PLAIN.items():
            rows = [usual | row for row in tables.get(name.removesuffix(".RRF"), ())]
            lines = ["|".join([row[c] for c in layout[name]]) + "|\n" for row in rows]
            (path / name).write_text("".join(lines), encoding="utf-8")
            columns = layout[name]
            listing.append(f"{name}||{','.join(columns)}|{len(columns)}|{len(rows)}|0|\n")
        (path / "MRFILES.RRF").write_text("".join(listing), encoding="utf-8")
        return path

    return make


@pytest.fixture
def provider(tmp_path):
    """Return the provider of a META folder with some options."""

    def make(folder, **options):
        config = UmlsConfig(meta=str(folder), **options)
        return UmlsProvider(config, Context(scratch=tmp_path / "scratch"))

    return make


@pytest.fixture(scope="session")
def made_up(tmp_path_factory):
    """A made-up Metathesaurus of six hundred concepts."""
    folder = tmp_path_factory.mktemp("umls")
    write(folder, 600)
    return folder / "META"
