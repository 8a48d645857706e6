import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from kp_plugin_csv_kb.config import CsvConfig, ResidualMLPConfig
from kp_plugin_csv_kb.kb import CsvKB
from kp_plugin_csv_kb.mapper import ResidualMLP

from kpframework import KpError
from kpframework.api import Context, Entity, Triple
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

COLUMNS = {"subject": "s", "object": "o", "subject_label": "sl", "object_label": "ol"}
CSV = """s,sl,predicate,o,ol
E0,"Paris, France",in,E1,France
E2,Lyon,in,E1,la France
"""


@pytest.fixture
def csv_kb(tmp_path):
    def make(text, **options):
        path = tmp_path / "kb.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return CsvKB(CsvConfig(path=str(path), **options), Context())

    return make


def kpframework(*arguments, cache):
    environment = os.environ | {"KPFRAMEWORK_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "kpframework", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_rows_become_triples_and_labels_become_names(csv_kb):
    kb = csv_kb(CSV, **COLUMNS)
    assert list(kb.triples()) == [Triple("E0", "in", "E1"), Triple("E2", "in", "E1")]
    assert list(kb.entities()) == [
        Entity("E0", "Paris, France"),
        Entity("E1", "France", ("la France",)),
        Entity("E2", "Lyon"),
    ]


def test_without_label_columns_ids_are_names(csv_kb):
    kb = csv_kb(b"\xef\xbb\xbfsubject;predicate;object\nParis;in;France\n", delimiter=";")
    assert [(e.id, e.name) for e in kb.entities()] == [("Paris", "Paris"), ("France", "France")]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a,b,c\n1,2,3\n", "KP901", "kb.csv:1:1"),
        ("", "KP901", "kb.csv:1:1"),
        ("subject,predicate,object\nx,y,z\nx,,z\n", "KP902", "kb.csv:3:1"),
        ("subject,predicate,object\nx,y\n", "KP902", "kb.csv:2:1"),
        ("subject,predicate,object\nx,y,z,more\n", "KP902", "kb.csv:2:1"),
        ('subject,predicate,object\nx,"y"s,z\n', "KP903", "kb.csv:2:1"),
        (b"subject,predicate,object\n\xff,y,z\n", "KP903", "kb.csv"),
    ],
)
def test_a_malformed_file_is_an_error_with_its_line(csv_kb, text, code, place):
    with pytest.raises(KpError) as caught:
        list(csv_kb(text).triples())
    assert caught.value.code == code
    assert caught.value.problems[0].where.endswith(f"/{place}")


def test_the_mapper_starts_affine_and_a_few_steps_fit_what_no_affine_map_can():
    torch.manual_seed(0)
    module = ResidualMLP(ResidualMLPConfig(hidden=32), Context()).build(4, 6)
    source = torch.randn(64, 4)
    torch.testing.assert_close(module(source), module[0](source))
    target = torch.nn.functional.pad(source.abs(), (0, 2))
    affine = torch.nn.functional.pad(source, (0, 1), value=1.0)
    floor = (affine @ torch.linalg.lstsq(affine, target).solution - target).square().mean()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = (module(source) - target).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < 0.5 * floor


def test_both_components_are_listed_in_the_schema_and_at_work_in_a_run(tmp_path):
    cache = tmp_path / "cache"
    listed = json.loads(kpframework("plugins", "list", "--json", cache=cache))
    own = next(plugin for plugin in listed if plugin["name"] == "csv-kb")
    assert own["state"] == "ok"
    assert [(c["kind"], c["name"]) for c in own["components"]] == [
        ("kb", "csv"),
        ("mapper", "residual-mlp"),
    ]
    schema = json.loads(kpframework("schema", cache=cache))
    assert any("subject_label" in d.get("properties", {}) for d in schema["$defs"].values())

    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(tiny_spec(tmp_path)))
    out = tmp_path / "run"
    results = json.loads(kpframework("run", spec, "--json", "-q", "-o", out, cache=cache))
    frozen, row = results["rows"]
    assert (frozen["status"], row["status"]) == ("ok", "ok")
    assert row["plug_and_play"]
    assert row["parameters"] == 8 * 32 + 32 + 2 * (2 * 32 + 2 * 32 * 16 + 16 + 32)
    assert results["knowledge"][0]["kb"]["triples"] == 2


def tiny_spec(folder):
    tokenizer = tiny_tokenizer("bert-classifier")
    tiny_model("bert-classifier", len(tokenizer), labels=2).save_pretrained(folder / "host")
    tokenizer.save_pretrained(folder / "host")
    (folder / "kb.csv").write_text(CSV)
    np.save(folder / "vectors.npy", np.eye(3, 8, dtype=np.float32))
    (folder / "ids.txt").write_text("E0\nE1\nE2\n")
    examples = [
        {"text": "Lyon is a city.", "start": 0, "end": 4, "entity": "E2", "labels": ["city"]},
        {"text": "In France.", "start": 3, "end": 9, "entity": "E1", "labels": ["country"]},
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(e) + "\n" for e in examples))
    tested = [{**own, "text": f"{own['text']} It is old."} for own in examples]
    (folder / "test.jsonl").write_text("".join(json.dumps(e) + "\n" for e in tested))
    return {
        "name": "csv",
        "backbone": {"type": "hf", "model": "./host"},
        "knowledge": [
            {
                "id": "kb",
                "kb": {"type": "csv", "path": "kb.csv", **COLUMNS},
                "embeddings": {"type": "precomputed", "path": "vectors.npy", "ids": "ids.txt"},
                "linker": {"type": "annotated"},
            }
        ],
        "hosts": [{"id": "tiny", "checkpoint": "./host"}],
        "tasks": [
            {
                "id": "types",
                "type": "entity-typing",
                "max_length": 32,
                "data": {"train": "data.jsonl", "dev": "data.jsonl", "test": "test.jsonl"},
            }
        ],
        "injections": [
            {"id": "frozen", "type": "none"},
            {
                "id": "map",
                "type": "map-tuning",
                "mapper": {"type": "residual-mlp", "hidden": 16},
                "train": {"stage": "task", "epochs": 1},
            },
        ],
    }
