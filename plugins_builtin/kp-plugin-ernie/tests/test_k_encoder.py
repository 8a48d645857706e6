import numpy as np
import pytest
import torch
from kp_plugin_ernie.config import ErnieConfig
from kp_plugin_ernie.entity_autoencoder import CORRUPTION, EntityDecoder, entity_loss
from kp_plugin_ernie.ernie import Ernie
from kp_plugin_ernie.k_encoder import KEncoder

from kpframework.api import Context, CorpusBatch, EntitySpace, Mention, Segment
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder
from kpframework.inject.freezing import freeze
from kpframework.inject.gather import PositionedEntities
from kpframework.inject.plug import plug
from kpframework.testing.tiny import TEXTS, tiny_model, tiny_table, tiny_tokenizer

PRETRAIN = {"corpus": "c"}


def size(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_at_bert_base_size_are_as_many_as_published():
    with torch.device("meta"):
        encoder = KEncoder(EntitySpace(dim=100, rms=0.1), [3072] * 7, heads=4)
        head = EntityDecoder(768, 100)
    assert [size(layer) for layer in encoder.layers] == [617_772, *[658_372] * 6]
    assert size(encoder) == 4_568_004
    assert size(head) == 77_100


class Rig:
    def __init__(self, architecture="bert-classifier", side="right", **options):
        self.tokenizer = tiny_tokenizer(architecture)
        self.tokenizer.padding_side = side
        self.model = freeze(tiny_model(architecture, len(self.tokenizer)))
        self.attachment = Attachment(self.model)
        injector = Ernie(ErnieConfig(pretrain=PRETRAIN, **options), Context())
        self.knowledge = plug(self.attachment, "kb", injector, tiny_table())
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():  # as after training: biases and norms are not those of the start
            for parameter in self.knowledge.module.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))

    def row(self, text, *words):
        found = [Mention(text.index(w), text.index(w) + len(w), f"E{len(w)}") for w in words]
        return self.knowledge.edit(Segment(text), found)

    def inputs(self, *rows):
        encoder = InputEncoder(self.tokenizer, 64)
        collate = Collator(self.tokenizer, encoder.special.pad_id, [self.knowledge.rows])
        return collate(encoder.encode([[row] for row in rows])).inputs

    def states(self, inputs):
        with torch.no_grad():
            return self.model(**inputs, output_hidden_states=True).hidden_states


def norm(x, own, name, eps=1e-12):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * own[f"{name}.weight"] + own[f"{name}.bias"]


def gelu(x):
    return x * 0.5 * (1 + torch.erf(torch.from_numpy(x) / 2**0.5).numpy())


def softmax(x):
    raised = np.exp(x - x.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def attention(x, own, names, heads, open_):
    query, key, value, dense = (
        lambda v, name=name: v @ own[f"{name}.weight"].T + own[f"{name}.bias"] for name in names
    )
    split = (len(x), heads, -1)
    scores = np.einsum("qhd,khd->hqk", query(x).reshape(split), key(x).reshape(split))
    scores = scores / np.sqrt(x.shape[1] / heads) + np.where(open_, 0, -1e30)
    met = np.einsum("hqk,khd->qhd", softmax(scores), value(x).reshape(split))
    return dense(met.reshape(len(x), -1))


def ernie_by_hand(rig, states, marks, vectors):
    """Both layers of a tiny BERT as ERNIE's, in numpy: tokens (n, 32), entities (n, 16)."""
    tokens, stream, mask = states, np.zeros((len(states), 16)), np.zeros(len(states))
    stream[marks], mask[marks], mask[0] = vectors, 1, 1
    for index, bert in enumerate(rig.model.bert.encoder.layer):
        host = {k: v.double().numpy() for k, v in bert.state_dict().items()}
        own = rig.knowledge.module.layers[index].state_dict()
        own = {k: v.double().numpy() for k, v in own.items()}
        names = [f"attention.self.{n}" for n in ("query", "key", "value")]
        met = attention(tokens, host, [*names, "attention.output.dense"], 2, np.ones(len(tokens)))
        tokens = norm(met + tokens, host, "attention.output.LayerNorm")
        if index:
            names = [f"attention.{n}" for n in ("query", "key", "value", "dense")]
            met = attention(stream, own, names, 4, mask)
            stream = norm(met + stream, own, "attention.norm")
        stream = stream * mask[:, None]
        inner = gelu(
            tokens @ host["intermediate.dense.weight"].T
            + stream @ own["into.weight"].T
            + host["intermediate.dense.bias"]
            + own["into.bias"]
        )
        stream = norm(inner @ own["back.weight"].T + own["back.bias"] + stream, own, "norm")
        back = inner @ host["output.dense.weight"].T + host["output.dense.bias"]
        tokens = norm(back + tokens, host, "output.LayerNorm")
    return tokens


def test_two_layers_are_the_papers_formula_computed_by_hand():
    rig = Rig()
    inputs = rig.inputs(rig.row(TEXTS[1], "Lyon", "France"))
    marks = (inputs["kp_entities"][0] >= 0).nonzero().flatten().tolist()
    table = rig.knowledge.table
    states = rig.states(inputs)
    vectors = table.vectors[[6, 4]].astype(np.float64) / table.rms
    start = states[0][0].double().numpy()
    expected = ernie_by_hand(rig, start, marks, vectors)
    np.testing.assert_allclose(states[-1][0].numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("words", [(), ("Lyon", "France")])
def test_padding_and_other_rows_change_nothing(side, words):
    rig = Rig(side=side)
    row, long = rig.row(TEXTS[1], *words), rig.row(TEXTS[3] * 2, "seizure")
    with torch.no_grad():
        alone = rig.model(**rig.inputs(row)).logits[0]
        for other in (long, EditedSegment(TEXTS[3] * 2)):
            inputs = rig.inputs(row, other)
            if side == "left":
                at = (inputs["attention_mask"].cumsum(1) - 1).clamp(min=0)
                inputs["position_ids"] = at
                # BERT's head reads the first column, which is padding here: compare states.
                states = rig.states(inputs)[-1][0][inputs["attention_mask"][0].bool()]
                torch.testing.assert_close(states, rig.states(rig.inputs(row))[-1][0])
            else:
                torch.testing.assert_close(rig.model(**inputs).logits[0], alone)


@pytest.mark.parametrize(
    "architecture",
    ["roberta-classifier", "distilbert-classifier", "deberta-v2-classifier", "gpt2-classifier"],
)
def test_an_entity_moves_the_answer_on_every_kind_of_host(architecture):
    rig = Rig(architecture)
    with torch.no_grad():
        linked = rig.model(**rig.inputs(rig.row(TEXTS[1], "Lyon"))).logits
        plain = rig.model(**rig.inputs(EditedSegment(TEXTS[1]))).logits
        rig.attachment.remove("kb")
        bare = rig.model(**rig.tokenizer(TEXTS[1], return_tensors="pt")).logits
    assert not torch.allclose(linked, plain)
    assert not torch.allclose(plain, bare)  # the stream of the first token, as published


def test_fusion_begins_where_the_options_say_and_in_the_middle_by_default():
    assert len(Rig(first=1).knowledge.module.layers) == 1
    assert len(Rig().knowledge.module.layers) == 2
    misfits = list(ErnieConfig(pretrain=PRETRAIN, first=2).misfits({"num_hidden_layers": 2}))
    assert [option for option, _, _ in misfits] == ["first"]


def test_a_model_with_gated_feed_forward_blocks_is_refused_by_its_configuration():
    config = ErnieConfig(pretrain=PRETRAIN)
    (option, message, _fix), *others = config.misfits({"model_type": "llama"})
    assert (option, others) == ("type", [])
    assert "gated" in message
    assert list(config.misfits({"model_type": "gpt2", "n_layer": 12})) == []


def test_heads_that_do_not_divide_the_vectors_are_refused():
    with pytest.raises(KpError, match="KP463"):
        Rig(heads=3)


def test_the_entity_autoencoder_scores_unique_entities_of_the_batch_from_the_states():
    table, torch_seed = tiny_table(), torch.manual_seed(0)
    rows, columns = torch.tensor([0, 0, 1]), torch.tensor([1, 3, 2])
    codes, mask = torch.tensor([7, 2, 7]), torch.ones(2, 4)
    true = PositionedEntities(table, (rows, columns), codes, mask)
    head, hidden = EntityDecoder(6, 16), torch.randn(2, 4, 6, generator=torch_seed)
    batch = CorpusBatch(hidden, true, true, ["E7", "E2", "E7"], None)
    own = {k: v.double().numpy() for k, v in head.state_dict().items()}
    states = hidden.double().numpy()[[0, 0, 1], [1, 3, 2]]
    inner = norm(gelu(states @ own["dense.weight"].T + own["dense.bias"]), own, "norm")
    candidates = table.vectors[[2, 7]] / (table.rms * 4)
    scores = softmax(inner @ candidates.T)
    expected = -np.log(scores[[0, 1, 2], [1, 0, 1]]).mean()
    found = entity_loss(head, batch, torch.tensor(table.rms))
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert (CORRUPTION.replace, CORRUPTION.drop) == (0.05, 0.15)
