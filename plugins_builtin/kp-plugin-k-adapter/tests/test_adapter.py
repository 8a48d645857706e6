import numpy as np
import pytest
import torch
from kp_plugin_k_adapter.adapter import Adapter, AdapterLayer, spread, visible
from kp_plugin_k_adapter.config import KAdapterConfig, KAdapterFinetunedConfig
from kp_plugin_k_adapter.injector import KAdapter, KAdapterFinetuned
from pydantic import ValidationError

from kpframework.api import Context, Mention, Segment
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import ENTITIES, Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder
from kpframework.inject.freezing import fingerprint, freeze
from kpframework.inject.plug import plug
from kpframework.testing.tiny import TEXTS, tiny_model, tiny_tokenizer

TASK = {"stage": "task"}
SMALL = {"width": 16, "heads": 2, "hidden": 32}
FACTS = {"corpus": "c"}
HOSTS = ["bert-classifier", "roberta-classifier", "distilbert-classifier"]
HOSTS += ["deberta-v2-classifier", "gpt2-classifier", "llama-lm"]


def size(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_at_roberta_large_size_are_as_many_as_published():
    with torch.device("meta"):
        adapter = Adapter(1024, [0, 11, 22], (768, 12, 3072, 2), "gate")
    assert [size(layer) for layer in adapter.layers] == [15_750_400] * 3
    assert size(adapter.layers) == 47_251_200


def test_projections_start_near_zero_with_no_bias():
    layer = AdapterLayer(256, 128, 2, 64, 2)
    for projection in (layer.down, layer.up):
        assert float(projection.weight.std()) == pytest.approx(2e-4, rel=0.05)
        assert not projection.bias.any()


@pytest.mark.parametrize(
    ("layers", "states"), [(24, [0, 12, 24]), (6, [0, 3, 6]), (2, [0, 1, 2]), (1, [0, 1])]
)
def test_states_are_spread_from_the_first_to_the_last(layers, states):
    assert spread(layers) == states


def norm(x, own, name, eps=1e-12):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * own[f"{name}.weight"] + own[f"{name}.bias"]


def gelu(x):
    return x * 0.5 * (1 + torch.erf(torch.from_numpy(x) / 2**0.5).numpy())


def linear(x, own, name):
    return x @ own[f"{name}.weight"].T + own[f"{name}.bias"]


def layer_by_hand(x, own, seen, heads):
    """An adapter layer of one text in numpy: (tokens, host) to the same."""
    inner = linear(x, own, "down")
    for k in range(2):
        at = f"encoder.{k}"
        query, key, value = (
            linear(inner, own, f"{at}.{name}").reshape(len(x), heads, -1)
            for name in ("query", "key", "value")
        )
        scores = np.einsum("qhd,khd->hqk", query, key) / np.sqrt(query.shape[-1])
        weights = np.exp(scores) * seen
        weights /= weights.sum(-1, keepdims=True)
        met = np.einsum("hqk,khd->qhd", weights, value).reshape(len(x), -1)
        inner = norm(linear(met, own, f"{at}.dense") + inner, own, f"{at}.attention_norm")
        fed = linear(gelu(linear(inner, own, f"{at}.into")), own, f"{at}.back")
        inner = norm(fed + inner, own, f"{at}.norm")
    return x + linear(inner, own, "up")


def trained(module):
    """Give a module tensors that are not those of its start."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize("causal", [False, True])
def test_an_adapter_layer_is_its_formula_computed_by_hand(causal):
    torch.manual_seed(0)
    layer, states = AdapterLayer(12, 8, 2, 16, 2), torch.randn(2, 5, 12)
    trained(layer)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    found = layer(states, visible(mask, causal)).detach().numpy()
    own = {k: v.double().numpy() for k, v in layer.state_dict().items()}
    for row, length in ((0, 5), (1, 3)):
        seen = np.tri(length) if causal else np.ones((length, length))
        expected = layer_by_hand(states[row, :length].double().numpy(), own, seen, heads=2)
        np.testing.assert_allclose(found[row, :length], expected, atol=1e-5)
    assert np.isfinite(found).all()


def test_a_padded_position_of_a_causal_host_is_finite():
    mask = torch.tensor([[0, 0, 1, 1]])
    assert visible(mask, causal=True)[0, 0].tolist() == [
        [True, False, False, False],
        [False, True, False, False],
        [False, False, True, False],
        [False, False, True, True],
    ]


class Rig:
    def __init__(self, architecture="bert-classifier", side="right", kind=KAdapter, **options):
        self.tokenizer = tiny_tokenizer(architecture)
        self.tokenizer.padding_side = side
        self.model = freeze(tiny_model(architecture, len(self.tokenizer)))
        self.attachment = Attachment(self.model)
        if kind is KAdapter:
            config = KAdapterConfig(train=TASK, **SMALL, **options)
        else:
            config = KAdapterFinetunedConfig(factual=FACTS, **SMALL, **options)
        self.knowledge = plug(self.attachment, "kb", kind(config, Context()), None)

    def row(self, text, *words):
        found = [Mention(text.index(w), text.index(w) + len(w), "any") for w in words]
        return self.knowledge.edit(Segment(text), found)

    def inputs(self, *rows):
        encoder = InputEncoder(self.tokenizer, 64)
        collate = Collator(self.tokenizer, encoder.special.pad_id, [self.knowledge.rows])
        return collate(encoder.encode([[row] for row in rows])).inputs

    def states(self, inputs):
        with torch.no_grad():
            return self.model(**inputs, output_hidden_states=True).hidden_states

    def logits(self, inputs):
        with torch.no_grad():
            return self.model(**inputs).logits


def bare(inputs):
    return {name: tensor for name, tensor in inputs.items() if name != ENTITIES}


@pytest.mark.parametrize("architecture", HOSTS)
def test_texts_without_a_mention_keep_their_bits_and_detach_restores_the_others(architecture):
    rig = Rig(architecture)
    trained(rig.knowledge.module)
    inputs = rig.inputs(rig.row(TEXTS[1], "Lyon"), EditedSegment(TEXTS[3] * 2))
    before, plain = fingerprint(rig.model), rig.logits(bare(inputs))
    changed = rig.logits(inputs)
    assert torch.equal(changed[1], plain[1])
    assert not torch.allclose(changed[0], plain[0])
    rig.attachment.remove("kb")
    assert torch.equal(rig.logits(bare(inputs)), plain)
    assert fingerprint(rig.model) == before


def test_a_closed_gate_gives_the_hosts_own_answer():
    rig = Rig()
    trained(rig.knowledge.module.layers)
    inputs = rig.inputs(rig.row(TEXTS[1], "Lyon"))
    assert torch.equal(rig.logits(inputs), rig.logits(bare(inputs)))


def test_layers_are_chained_and_gated_into_the_last_state():
    rig = Rig(states=[0, 2])
    module = rig.knowledge.module
    trained(module)
    inputs = rig.inputs(rig.row(TEXTS[1], "Lyon"))
    states = rig.states(bare(inputs))
    ones = visible(inputs["attention_mask"], causal=False)
    with torch.no_grad():
        first = module.layers[0](states[0], ones)
        second = module.layers[1](states[2] + first, ones)
        expected = states[2] + torch.tanh(module.fuse.gate) * second
    torch.testing.assert_close(rig.states(inputs)[-1], expected)


@pytest.mark.parametrize("kind", [KAdapter, KAdapterFinetuned])
@pytest.mark.parametrize("architecture", ["bert-classifier", "gpt2-classifier"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(kind, architecture, side):
    rig = Rig(architecture, side, kind)
    trained(rig.knowledge.module)
    row, other = rig.row(TEXTS[1], "Lyon"), rig.row(TEXTS[3] * 2, "seizure")
    alone = rig.states(rig.inputs(row))[-1][0]
    inputs = rig.inputs(row, other)
    inputs["position_ids"] = (inputs["attention_mask"].cumsum(1) - 1).clamp(min=0)
    states = rig.states(inputs)[-1]
    assert bool(torch.isfinite(states).all())
    torch.testing.assert_close(states[0][inputs["attention_mask"][0].bool()], alone)


@pytest.mark.parametrize("fusion", ["concat", "add"])
def test_beside_a_trained_host_every_text_is_fused(fusion):
    rig = Rig(kind=KAdapterFinetuned, fusion=fusion, states=[1])
    module = rig.knowledge.module
    trained(module)
    inputs = rig.inputs(EditedSegment(TEXTS[1]))
    found = rig.states(inputs)[-1]
    rig.attachment.remove("kb")
    states = rig.states(inputs)
    with torch.no_grad():
        adapted = module.layers[0](states[1], visible(inputs["attention_mask"], causal=False))
        expected = states[2] + adapted
        if fusion == "concat":
            expected = module.fuse.map(torch.cat([states[2], adapted], dim=-1))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 3}, "divide"),
        ({"states": [2, 1]}, "rise"),
        ({"states": [-1, 1]}, "from 0"),
        ({"states": []}, "at least 1"),
    ],
)
def test_shapes_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        KAdapterConfig(train=TASK, **{**SMALL, **options})


def test_two_stages_with_two_corpora_are_refused():
    general = {"stage": "general", "corpus": "other"}
    with pytest.raises(ValidationError, match="same corpus"):
        KAdapterConfig(train=general, factual=FACTS, **SMALL)


def test_a_state_that_the_model_does_not_have_is_told_before_the_run():
    config = KAdapterConfig(train=TASK, states=[0, 3], **SMALL)
    assert [option for option, _, _ in config.misfits({"num_hidden_layers": 2})] == ["states.1"]
    assert list(config.misfits({"num_hidden_layers": 3})) == []
