"""Small files in each format, which the conformance kit reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpframework.testing import Sample

_OPENKE = {
    "entity2id.txt": "3\n/m/b\t1\n/m/a\t0\nnew york\t2\n",
    "relation2id.txt": "2\n/people/born in\t1\n/part\t0\n",
    "train2id.txt": "2\n0 2 1\n2 1 0\n",
    "valid2id.txt": "1\n1\t0\t0\n",
    "test2id.txt": "0\n",
}
_TRIPLES = "Q90\tP1376\tQ142\nQ456\tP17\tQ142\n"
_NAMES = "Q90\tParis\tCity of Light\nQ142\tFrance\nQ456\tLyon\n"


def write(folder: Path) -> Mapping[str, Any]:
    """Write the files, and return the options that read them."""
    (folder / "openke").mkdir()
    for name, content in _OPENKE.items():
        (folder / "openke" / name).write_text(content, encoding="utf-8")
    (folder / "wikidata.tsv").write_text(_TRIPLES, encoding="utf-8")
    (folder / "wikidata-names.tsv").write_text(_NAMES, encoding="utf-8")
    labels = {own: {"label": name} for own, name in (("Q90", "Paris"), ("Q142", "France"))}
    (folder / "codex.json").write_text(json.dumps(labels), encoding="utf-8")
    items = [_item("Q90", "Paris", "Q142"), _item("Q142", "France"), _item("Q456", "Lyon", "Q142")]
    lines = ",\n".join(json.dumps(item) for item in items)
    (folder / "dump.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    triples = {"triples": ["wikidata.tsv"]}
    return {
        "kb/wikidata-dump": Sample({"path": "dump.json"}, entities=3, triples=2),
        "kb/wikidata5m": [
            Sample({**triples, "names": "wikidata-names.tsv"}, entities=3, triples=2),
            Sample(triples, triples=2),
        ],
        "kb/openke": Sample({"folder": "openke"}, entities=3, triples=3),
        "kb/codex": [Sample({**triples, "entities": "codex.json"}, triples=2), triples],
    }


def _item(own: str, name: str, *countries: str) -> dict[str, Any]:
    claims = []
    for country in countries:
        value = {"entity-type": "item", "numeric-id": int(country[1:]), "id": country}
        data = {"type": "wikibase-entityid", "value": value}
        snak = {"snaktype": "value", "property": "P17", "datavalue": data}
        claims.append({"mainsnak": snak, "type": "statement", "rank": "normal"})
    return {
        "type": "item",
        "id": own,
        "labels": {"en": {"language": "en", "value": name}},
        "claims": {"P17": claims} if claims else [],
    }
