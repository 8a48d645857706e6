import json
from pathlib import Path

import pytest
import torch
import transformers
from kp_plugin_peft.adapter import BottleneckAdapter
from kp_plugin_peft.bitfit import BitFit
from kp_plugin_peft.config import AdapterConfig, BitFitConfig, LoRAConfig
from kp_plugin_peft.lora import LoRA
from kp_plugin_peft.trained import head_parameters

from kpframework import KpError
from kpframework.api import Context
from kpframework.cli.root import run
from kpframework.testing.project import tiny_project
from kpframework.testing.tiny import tiny_model

ARCHITECTURES = [
    "bert-classifier",
    "roberta-classifier",
    "distilbert-classifier",
    "deberta-v2-classifier",
    "gpt2-classifier",
]
MADE = {
    "lora": lambda **options: LoRA(LoRAConfig(**options), Context()),
    "adapter": lambda **options: BottleneckAdapter(AdapterConfig(**options), Context()),
    "bitfit": lambda **options: BitFit(BitFitConfig(**options), Context()),
}
BATCH = {"input_ids": torch.tensor([[5, 6, 7, 8], [9, 8, 7, 6]])}


def base_size():
    with torch.device("meta"):
        return transformers.BertForSequenceClassification(transformers.BertConfig())


def trained(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def head(model):
    return sum(p.numel() for p in head_parameters(model))


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"rank": 32}, 2_654_208),
        ({"rank": 4}, 331_776),
        ({"rank": 4, "targets": ["query", "key"]}, 147_456),
    ],
)
def test_lora_has_the_published_number_of_parameters_at_bert_base_size(options, count):
    model = base_size()
    own = head(model)
    adapted = MADE["lora"](**options).prepare(model)
    assert trained(adapted) - own == count


def test_adapters_have_the_published_number_of_parameters_at_bert_base_size():
    model = base_size()
    own = head(model)
    assert trained(MADE["adapter"]().prepare(model)) - own == 24 * 49_952 == 1_198_848


def test_bitfit_trains_every_bias_and_the_head_alone():
    model = base_size()
    adapted = MADE["bitfit"]().prepare(model)
    biases = sum(p.numel() for name, p in adapted.named_parameters() if "bias" in name)
    weights = sum(p.numel() for p in head_parameters(adapted) if p.dim() == 2)
    assert trained(adapted) == biases + weights


SMALL = {"hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 2}
T5 = {"d_model": 32, "d_kv": 16, "d_ff": 32, "num_heads": 2, "num_layers": 1}


@pytest.mark.parametrize(
    ("architecture", "options", "asked"),
    [
        ("ModernBert", {**SMALL, "num_hidden_layers": 1}, {"norm_bias": True}),
        ("T5", T5, None),
        ("Llama", {**SMALL, "num_hidden_layers": 1}, {"attention_bias": True}),
    ],
)
def test_bitfit_refuses_a_model_without_biases_early_and_late(architecture, options, asked):
    def made(**more):
        config = getattr(transformers, f"{architecture}Config")(vocab_size=40, **options, **more)
        with torch.device("meta"):
            return getattr(transformers, f"{architecture}ForSequenceClassification")(config)

    model = made(pad_token_id=0)
    (misfit,) = BitFitConfig().misfits(model.config.to_dict())
    with pytest.raises(KpError, match="has no bias to train") as caught:
        MADE["bitfit"]().prepare(model)
    (problem,) = caught.value.problems
    assert (problem.code, problem.message) == ("KP318", misfit[1])
    if asked:
        model = made(pad_token_id=0, **asked)
        assert not list(BitFitConfig().misfits(model.config.to_dict()))
        assert trained(MADE["bitfit"]().prepare(model)) > head(model)


def host(architecture):
    return tiny_model(architecture, 40)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", MADE)
def test_training_starts_at_the_bare_model(architecture, name):
    with torch.no_grad():
        bare = host(architecture)(**BATCH).logits
        assert torch.equal(MADE[name]().prepare(host(architecture)).eval()(**BATCH).logits, bare)


def stepped(architecture, name):
    model = MADE[name]().prepare(host(architecture)).eval()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    before = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
    for _ in range(2):  # LoRA's second factor moves first
        model(**BATCH).logits.square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return model, before


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", MADE)
def test_what_was_trained_is_stored_and_loads_to_the_same_bits(tmp_path, architecture, name):
    model, before = stepped(architecture, name)
    own = dict(model.named_parameters())
    assert all(torch.equal(own[n], value) for n, value in before.items())
    adaptation = MADE[name]()
    adaptation.save(model, tmp_path / "host")
    loaded = adaptation.load(tmp_path / "host", lambda _folder: host(architecture)).eval()
    with torch.no_grad():
        expected = model(**BATCH).logits
        assert not torch.equal(expected, host(architecture)(**BATCH).logits)
        assert torch.equal(loaded(**BATCH).logits, expected)
        loaded.train()
        loaded.eval()
        assert torch.equal(loaded(**BATCH).logits, expected)
    whole = sum(p.numel() for p in host(architecture).parameters()) * 4
    assert sum(f.stat().st_size for f in (tmp_path / "host").glob("*.safetensors")) < whole


def test_lora_keeps_the_biases_of_the_maps_it_updates():
    model = host("bert-classifier")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "bias" in name:
                parameter.normal_()
        bare = model(**BATCH).logits
        assert torch.equal(MADE["lora"]().prepare(model).eval()(**BATCH).logits, bare)


def test_a_lora_folder_opens_with_peft_itself(tmp_path):
    from peft import PeftModel

    model, _ = stepped("bert-classifier", "lora")
    MADE["lora"]().save(model, tmp_path)
    opened = PeftModel.from_pretrained(host("bert-classifier"), str(tmp_path)).eval()
    with torch.no_grad():
        assert torch.equal(opened(**BATCH).logits, model(**BATCH).logits)


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize(
    ("architecture", "new"),
    [
        ("bert-classifier", ["bert.pooler.dense.weight", "bert.pooler.dense.bias"]),
        ("deberta-v2-classifier", ["pooler.dense.weight", "pooler.dense.bias"]),
        ("bert-masked-lm", ["cls.predictions.transform.dense.weight", "cls.predictions.bias"]),
    ],
)
def test_what_the_backbone_did_not_have_is_trained_and_stored(tmp_path, architecture, new, name):
    adapted = MADE[name]().prepare(tiny_model(architecture, 40, seed=1), new).eval()
    for _ in range(2):
        output = adapted(**BATCH).logits
        output.square().sum().backward()
    inner = adapted.get_base_model() if name == "lora" else adapted
    own = dict(inner.named_parameters())
    kept = [own[n] if n in own else own[_wrapped(n)] for n in new]
    assert all(p.grad is not None for p in kept)
    MADE[name]().save(adapted, tmp_path / "host")
    # Another process draws other weights where the backbone has none.
    redrawn = tiny_model(architecture, 40, seed=1)
    for n, p in redrawn.named_parameters():
        if n in new or "classifier" in n:
            torch.nn.init.normal_(p)
    loaded = MADE[name]().load(tmp_path / "host", lambda _folder: redrawn).eval()
    with torch.no_grad():
        assert torch.equal(loaded(**BATCH).logits, output)


def _wrapped(name):
    return name.replace("pooler.", "pooler.modules_to_save.default.", 1)


@pytest.mark.parametrize("name", ["lora", "adapter"])
def test_a_language_models_own_head_stays_as_it_was_pre_trained(name):
    adapted = MADE[name]().prepare(tiny_model("bert-masked-lm", 40))
    heads = [p for n, p in adapted.named_parameters() if "cls.predictions" in n]
    assert heads
    assert not any(p.requires_grad for p in heads)


def test_a_kind_of_model_that_is_not_known_is_an_error_with_a_way_out():
    config = transformers.AlbertConfig(
        hidden_size=32, num_attention_heads=2, intermediate_size=32, embedding_size=16
    )
    model = transformers.AlbertForSequenceClassification(config)
    with pytest.raises(KpError) as caught:
        MADE["lora"]().prepare(model)
    assert caught.value.problems[0].code == "KP650"
    assert "target_modules" in caught.value.problems[0].fix
    assert trained(MADE["lora"](target_modules=["query"]).prepare(model)) > 0


def test_tensors_of_another_backbone_are_refused(tmp_path):
    model, _ = stepped("bert-classifier", "bitfit")
    MADE["bitfit"]().save(model, tmp_path)
    with pytest.raises(KpError) as caught:
        MADE["bitfit"]().load(tmp_path, lambda _folder: host("distilbert-classifier"))
    assert caught.value.problems[0].code == "KP651"


@pytest.mark.parametrize("fault", ["missing", "cut", "no tensors"])
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("bitfit", "trained.safetensors"),
        ("adapter", "trained.safetensors"),
        ("lora", "adapter_model.safetensors"),
        ("lora", "adapter_config.json"),
    ],
)
def test_a_stored_host_that_is_damaged_is_refused(tmp_path, monkeypatch, name, file, fault):
    model, _ = stepped("bert-classifier", name)
    MADE[name]().save(model, tmp_path / "host")
    path = tmp_path / "host" / file
    if fault == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:20] if fault == "cut" else b"[]" * 20)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KpError) as caught:
        MADE[name]().load(Path("host"), lambda _folder: host("bert-classifier"))
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("KP651", "host")
    assert "as the run wrote it" in problem.fix


def test_a_pickle_in_the_place_of_the_adapter_is_not_read(tmp_path):
    model, _ = stepped("bert-classifier", "lora")
    model.save_pretrained(tmp_path, safe_serialization=False)
    assert (tmp_path / "adapter_model.bin").is_file()
    with pytest.raises(KpError, match=r"no adapter_model\.safetensors"):
        MADE["lora"]().load(tmp_path, lambda _folder: host("bert-classifier"))


def test_an_adapter_of_another_method_is_refused(tmp_path):
    from peft import IA3Config, get_peft_model

    config = IA3Config(target_modules=["query"], feedforward_modules=[])
    get_peft_model(host("bert-classifier"), config).save_pretrained(tmp_path)
    with pytest.raises(KpError, match="not of LoRA"):
        MADE["lora"]().load(tmp_path, lambda _folder: host("bert-classifier"))


@pytest.mark.parametrize("architecture", ["bert-classifier", "gpt2-classifier"])
def test_knowledge_goes_onto_every_one_of_them(tmp_path, architecture):
    train = {"stage": "task", "epochs": 1, "lr": 0.02, "batch_size": 8}
    rows = [
        {"id": "frozen", "type": "none"},
        {"id": "map", "type": "map-tuning", "train": train},
        {"id": "with-mapper", "type": "fine-tuning-with-mapper", "init": "map"},
    ]
    hosts = [{"id": name, "adaptation": {"type": name, "epochs": 1}} for name in MADE]
    spec = tiny_project(tmp_path, architecture, injections=rows, hosts=hosts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        assert run(["run", str(spec), "-o", str(tmp_path / "out")]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert {row["host"] for row in results["rows"]} == set(MADE)
    assert all(row["plug_and_play"] is not row["trains_host"] for row in results["rows"])
