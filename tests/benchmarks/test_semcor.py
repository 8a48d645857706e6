"""The row of SemCor's benchmark that has no hierarchy has none, under either name of an edge."""

import json
from pathlib import Path

import pytest
from kp_plugin_wordnet.config import WordNetConfig
from kp_plugin_wordnet.provider import WordNetProvider

from kpframework.api import Context

SPEC = Path(__file__).resolve().parents[2] / "benchmarks/semcor.json"


@pytest.mark.skipif(not Path("/usr/share/wordnet").is_dir(), reason="wordnet-base is not installed")
def test_no_edge_of_the_hierarchy_is_read_without_hypernyms():
    sections = {own["id"]: own["kb"] for own in json.loads(SPEC.read_text("utf-8"))["knowledge"]}
    read = {}
    for name in ("wordnet", "no-hypernyms"):
        options = {key: value for key, value in sections[name].items() if key != "type"}
        provider = WordNetProvider(WordNetConfig(**options), Context())
        read[name] = {triple.relation for triple in provider.triples()}
    hierarchy = {"hypernym", "hyponym", "instance_hypernym", "instance_hyponym"}
    assert read["wordnet"] & hierarchy == {"hypernym", "instance_hypernym"}
    assert read["no-hypernyms"] == read["wordnet"] - hierarchy
