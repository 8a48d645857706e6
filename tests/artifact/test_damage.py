"""What is not whole, not the same, or not installed is refused with what to do about it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kpframework import KnowledgePlugin, KpError
from kpframework.artifact.digests import file_digests, sealed
from kpframework.kb.table import EntityTable
from kpframework.testing.project import entity_name, write_knowledge


def rewrite(path: Path, content: bytes) -> None:
    path.unlink()  # it may be a link into the cache
    path.write_bytes(content)


def code_of(folder: Path) -> str:
    with pytest.raises(KpError) as error:
        KnowledgePlugin.from_pretrained(folder)
    return error.value.code


def configure(folder: Path, **changes: Any) -> None:
    """Write a configuration as if it had been saved with other content."""
    config = json.loads((folder / "kp_config.json").read_text("utf-8"))
    rewrite(folder / "kp_config.json", json.dumps(sealed({**config, **changes})).encode())


@pytest.mark.parametrize("keep", [0, 4, 100])
def test_truncated_tensors_are_refused_with_and_without_checksums(copy, keep):
    path = copy / "kp_model.safetensors"
    rewrite(path, path.read_bytes()[:keep])
    with pytest.raises(KpError, match=r"kp_model\.safetensors has changed") as error:
        KnowledgePlugin.from_pretrained(copy)
    assert error.value.code == "KP777"
    with pytest.raises(KpError) as error:
        KnowledgePlugin.from_pretrained(copy, verify=False)
    assert error.value.code == "KP717"


def test_a_flipped_bit_in_any_file_is_refused_and_the_file_named(copy):
    files = file_digests(copy)
    assert {name.split("/")[0] for name in files} == {"kb", "entities", "kp_model.safetensors"}
    for name in files:
        content = (copy / name).read_bytes()
        flipped = bytearray(content)
        flipped[len(content) // 2] ^= 1
        rewrite(copy / name, bytes(flipped))
        with pytest.raises(KpError) as error:
            KnowledgePlugin.from_pretrained(copy)
        assert error.value.code == "KP777"
        assert f"saved: {name} has changed" in str(error.value)
        assert "fetch or copy the folder again" in error.value.problems[0].fix
        rewrite(copy / name, content)


def test_one_changed_row_of_the_knowledge_base_is_refused(copy):
    path = copy / "kb" / "entities.parquet"
    table = pq.read_table(path)
    names = table.column("name").to_pylist()
    names[names.index(entity_name(40))] = "somebody else"
    changed = table.set_column(
        table.schema.get_field_index("name"), table.schema.field("name"), [names]
    )
    path.unlink()
    pq.write_table(changed, path)
    with pytest.raises(KpError, match=r"kb/entities\.parquet has changed") as error:
        KnowledgePlugin.from_pretrained(copy)
    assert error.value.code == "KP777"
    assert KnowledgePlugin.from_pretrained(copy, verify=False).explain(entity_name(40)) == []


def test_a_file_that_was_added_is_refused_but_the_card_is_anybodys(copy):
    (copy / "README.md").write_text("# Mine", "utf-8")
    (copy / ".gitattributes").write_text("", "utf-8")
    assert KnowledgePlugin.from_pretrained(copy).card == "# Mine"
    (copy / "README.md").write_bytes("# Größe".encode("latin-1"))
    assert KnowledgePlugin.from_pretrained(copy).card == "# Gr\ufffd\ufffde"
    (copy / "kb" / "more.json").write_text("{}", "utf-8")
    with pytest.raises(KpError, match=r"kb/more\.json is new"):
        KnowledgePlugin.from_pretrained(copy)


def test_a_configuration_that_was_edited_is_refused(copy):
    path = copy / "kp_config.json"
    rewrite(path, path.read_bytes().replace(b'"concat"', b'"replace"', 1))
    assert code_of(copy) == "KP777"


def test_a_plugin_of_the_first_format_is_read_and_its_vectors_are_checked(copy):
    config = json.loads((copy / "kp_config.json").read_text("utf-8"))
    old = {k: v for k, v in config.items() if k not in ("files", "sha256")} | {"kp_format": 1}
    rewrite(copy / "kp_config.json", json.dumps(old).encode())
    KnowledgePlugin.from_pretrained(copy).save_pretrained(copy)
    assert KnowledgePlugin.from_pretrained(copy).config["kp_format"] == 2
    rewrite(copy / "kp_config.json", json.dumps(old).encode())
    path = copy / "entities" / "vectors.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    rewrite(path, bytes(content))
    assert code_of(copy) == "KP413"


def test_other_vectors_than_it_was_trained_with_are_refused(copy):
    table = EntityTable.open(copy / "entities")
    table.shuffled(copy / "other", 0)
    shutil.rmtree(copy / "entities")
    os.rename(copy / "other", copy / "entities")
    assert code_of(copy) == "KP777"
    configure(copy, files=file_digests(copy))
    assert code_of(copy) == "KP771"


@pytest.mark.parametrize("part", ["kb", "entities", "kp_model.safetensors"])
def test_a_missing_part_is_named(copy, part):
    path = copy / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(KpError) as error:
        KnowledgePlugin.from_pretrained(copy)
    assert part in str(error.value)


def test_a_folder_that_is_no_plugin_is_refused(tmp_path):
    assert code_of(tmp_path) == "KP770"
    write_knowledge(tmp_path)
    assert code_of(tmp_path) == "KP770"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kp_format": 2}', '{"kp_format": 3}', '{"kp_format": 1}', "\xff"]
)
def test_a_configuration_that_is_none_is_refused(copy, text):
    rewrite(copy / "kp_config.json", text.encode("latin-1"))
    assert code_of(copy) == "KP770"


def test_a_format_of_a_later_version_says_what_to_update(copy):
    configure(copy, kp_format=3)
    with pytest.raises(KpError, match="has format 3; this version reads 1 and 2") as error:
        KnowledgePlugin.from_pretrained(copy)
    assert error.value.problems[0].fix == "pip install --upgrade kpframework"


def test_a_missing_distribution_is_named_with_the_command_that_installs_it(copy):
    config = json.loads((copy / "kp_config.json").read_text("utf-8"))
    others = [
        {"distribution": "kp-plugin-nobody", "version": "2.1.0", "component": "mapper/nobody/deep"}
    ]
    configure(copy, plugins=[*config["plugins"], *others])
    with pytest.raises(KpError, match=r"kp-plugin-nobody 2.1.0 \(mapper/nobody/deep\)") as error:
        KnowledgePlugin.from_pretrained(copy)
    assert error.value.code == "KP779"
    assert error.value.problems[0].fix == "pip install 'kp-plugin-nobody==2.1.0'"


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [("injector", "umls-tuning", "KP201"), ("linker", "nobodys-linker", "KP201"),
     ("injector", "os:system", "KP310")],
)  # fmt: skip
def test_a_component_that_is_not_installed_is_named(copy, kind, name, code):
    config = json.loads((copy / "kp_config.json").read_text("utf-8"))
    configure(copy, **{kind: {**config[kind], "type": name}})
    with pytest.raises(KpError) as error:
        KnowledgePlugin.from_pretrained(copy)
    assert error.value.code == code
    assert name in str(error.value)
