"""Whatever is done to a valid spec, the answer is a resolved spec or an error with a place."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpframework.errors import SpecError
from kpframework.spec import ResolvedSpec, load_spec

ODD: list[Any] = [
    None, True, False, 0, -1, 2**70, 1.5, 1e308, "", "x", "map", "full", "a.b:c", "../x", "./x",
    "~nobody/x", "x\x00y", "\x1b[31m", "é" * 300, [], {}, [[]], [{}], {"type": 1}, {"type": "mlp"},
    {"type": "none", "x": 1}, {"id": 3}, ["a", 1, None], {"": ""}, "/" + "d" * 5000,
]  # fmt: skip


def _containers(value: Any) -> list[Any]:
    found = [value] if isinstance(value, dict | list) and value else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found + [c for v in inner for c in _containers(v)]


def _mutated(spec: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    spec = json.loads(json.dumps(spec))
    for _ in range(rng.randint(1, 3)):
        places = _containers(spec)
        if not places:
            return spec
        place = rng.choice(places)
        key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
        action = rng.randrange(6)
        if action == 0:
            del place[key]
        elif action == 1 and isinstance(place, dict):
            name = key[:-1] + rng.choice("xyz. é") if key else "k"
            place[name] = place.pop(key)
        elif action == 2:
            place[key] = json.loads(json.dumps(rng.choice(_containers(spec))))
        elif action == 3 and isinstance(place, list):
            place.append(place[key])
        elif action == 4 and isinstance(place[key], str) and place[key]:
            at = rng.randrange(len(place[key]))
            place[key] = place[key][:at] + rng.choice("x/.:é ") + place[key][at + 1 :]
        else:
            place[key] = rng.choice(ODD)
    return spec


def _outcome(path: Path, registry: Any) -> ResolvedSpec | SpecError:
    try:
        return load_spec(path, registry=registry)
    except SpecError as error:
        for problem in error.problems:
            assert problem.code
            assert problem.message
            assert "\x1b" not in problem.render()
            problem.render().encode("utf-8")
        return error


def test_no_mutation_of_the_values_escapes(
    spec: dict[str, Any], write: Callable[..., Path], registry: Any
) -> None:
    rng = random.Random(1)  # noqa: S311  a seed, no secret
    outcomes = []
    for _ in range(1000):
        outcomes.append(_outcome(write(_mutated(spec, rng)), registry))
    valid = sum(isinstance(o, ResolvedSpec) for o in outcomes)
    assert 0 < valid < 500


@pytest.mark.parametrize("suffix", ["json", "yaml", "toml"])
def test_no_mutation_of_the_text_escapes(
    suffix: str, spec: dict[str, Any], write: Callable[..., Path], registry: Any
) -> None:
    rng = random.Random(2)  # noqa: S311  a seed, no secret
    text = TOML if suffix == "toml" else json.dumps(spec, indent=1)
    pieces = ['"', "'", "{", "}", "[", "]", ",", ":", "\n", "\t", "&a ", "*a", "!!x ", "#", "\\u",
              "\\ud800", "1e999", "NaN", "nan", "\x00", "\ufeff", "---\n", "- ", "? ", "| ", "> ",
              "<<: ", "%TAG ! x\n", "=", ".", '"""', "é", "\r", "\u2028"]  # fmt: skip
    for _ in range(200):
        at = rng.randrange(len(text))
        cut = rng.choice((0, 0, 1, 5))
        changed = text[:at] + rng.choice(pieces) + text[at + cut :]
        _outcome(write(changed, f"spec.{suffix}"), registry)


def test_no_bytes_escape(folder: Path, registry: Any) -> None:
    rng = random.Random(3)  # noqa: S311  a seed, no secret
    for suffix in ("json", "yaml", "toml"):
        for _ in range(100):
            path = folder / f"spec.{suffix}"
            path.write_bytes(rng.randbytes(rng.randrange(60)))
            assert isinstance(_outcome(path, registry), SpecError)


TOML = """\
version = 1
name = "wiki80"
seeds = [0, 1] # two
backbone = { type = "hf", model = 'all-MiniLM' }
description = \"\"\"
several
lines\"\"\"

[[knowledge]]
id = "wikidata"
linker.type = "annotated"
[knowledge.kb]
type = "triples"
path = "data/triples.tsv"
[knowledge.embeddings]
type = "transe"
dim = 6_4

[[tasks]]
id = "rel"
type = "relation-classification"
"data".train = "data/train.jsonl"
data.'test' = "data/test.jsonl"

[[hosts]]
id = "full"
adaptation = "full"

[[injections]]
id = "map"
type = "map-tuning"
mapper = { type = "mlp", hidden = 512 }
"""
