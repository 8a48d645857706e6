import pytest
from kp_plugin_full_finetuning.config import FullConfig
from kp_plugin_full_finetuning.full import FullFineTuning
from pydantic import ValidationError

from kpframework.api import Context

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=12,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        num_labels=3,
    )
    return transformers.BertForSequenceClassification(config)


def test_every_parameter_is_trained_even_after_freezing(model):
    model.requires_grad_(False)
    prepared = FullFineTuning(FullConfig(), Context()).prepare(model)
    assert prepared is model
    assert all(p.requires_grad for p in prepared.parameters())


def test_one_step_moves_embeddings_and_head(model):
    prepared = FullFineTuning(FullConfig(), Context()).prepare(model)
    before = {name: p.detach().clone() for name, p in prepared.named_parameters()}
    optimizer = torch.optim.AdamW(prepared.parameters(), lr=1e-2)
    ids = torch.tensor([[1, 2, 3]])
    prepared(input_ids=ids, labels=torch.tensor([1])).loss.backward()
    optimizer.step()
    moved = {n for n, p in prepared.named_parameters() if not torch.equal(p, before[n])}
    assert {"bert.embeddings.word_embeddings.weight", "classifier.weight"} <= moved


def test_saved_model_comes_back_bit_identical_and_without_pickle(model, tmp_path):
    adaptation = FullFineTuning(FullConfig(), Context())
    adaptation.save(adaptation.prepare(model), tmp_path)
    loaded = adaptation.load(tmp_path, type(model).from_pretrained)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".safetensors"}
    assert loaded is not model
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


def test_options_are_those_of_the_training_loop():
    adaptation = FullFineTuning(FullConfig(epochs=2), Context())
    assert (adaptation.train.epochs, adaptation.train.lr) == (2, 5e-5)
    with pytest.raises(ValidationError):
        FullConfig(rank=4)
