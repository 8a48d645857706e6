from __future__ import annotations

import pytest
import torch

from kpframework.errors import KpError
from kpframework.inject.freezing import dropout, fingerprint, freeze
from kpframework.testing.tiny import tiny_model


class Host(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = torch.nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(x)


def state(model: torch.nn.Module):
    return [
        (m.training, getattr(m, "p", None), len(m._forward_hooks) + len(m._forward_pre_hooks))
        for m in model.modules()
    ]


@pytest.mark.parametrize("rate", [0.0, 0.15, 0.25, 0.45])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    torch.manual_seed(0)
    ones = torch.ones(1001, 333)
    host = Host().eval()
    with dropout(host, rate):
        out = host(ones)
    assert (out == 0).float().mean().item() == pytest.approx(rate, abs=4e-3)
    torch.testing.assert_close(out[out != 0], torch.full_like(out[out != 0], 1 / (1 - rate)))


def test_dropout_passes_the_gradient_of_what_it_kept():
    host, x = Host().eval(), torch.randn(50, 50, requires_grad=True)
    with dropout(host, 0.5):
        out = host(x)
    out.sum().backward()
    assert torch.equal(x.grad, torch.where(out == 0, 0.0, 2.0))


def test_dropout_is_a_function_of_the_seed():
    model = freeze(tiny_model("bert-masked-lm", 50))
    ids = torch.randint(5, 50, (3, 9))
    with dropout(model, 0.25):
        drawn = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            drawn.append(model(input_ids=ids).logits)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_without_a_rate_the_host_is_in_evaluation_mode():
    model = tiny_model("bert-masked-lm", 50).train()
    ids = torch.randint(5, 50, (3, 9))
    with dropout(model, None):
        once, again = model(input_ids=ids).logits, model(input_ids=ids).logits
    assert torch.equal(once, again)
    assert model.training


def test_attention_drops_at_the_rate_too():
    model = freeze(tiny_model("bert-masked-lm", 50))
    ids = torch.randint(5, 50, (3, 9))
    attention = model.bert.encoder.layer[0].attention.self
    with dropout(model, 0.25):
        assert attention.training
        assert attention.dropout.p == 0.25
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout) and module is not attention.dropout:
                module.p = 0.0
        assert not torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)


def test_a_rate_that_is_a_number_is_set_for_the_time_and_put_back():
    """Llama's kind has no dropout layer: its attention reads a number."""
    model = freeze(tiny_model("llama-lm", 50))
    ids = torch.randint(5, 50, (3, 9))
    attention = model.model.layers[0].self_attn
    attention.attention_dropout = 0  # as configurations have it, too
    with dropout(model, 0.25):
        assert attention.attention_dropout == 0.25
        assert not torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
    assert attention.attention_dropout == 0.0
    assert torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)


def test_dropout_on_a_host_that_has_none_is_refused():
    linear = torch.nn.Linear(2, 2)
    with pytest.raises(KpError, match="KP747"), dropout(linear, 0.25):
        pass
    with dropout(linear, None), dropout(linear, 0.0):
        pass


def test_the_host_is_left_as_it_was_also_after_an_error():
    model = tiny_model("bert-masked-lm", 50).eval()
    model.bert.train()
    before, bits = state(model), fingerprint(model)
    with pytest.raises(KeyError), dropout(model, 0.25):
        raise KeyError
    with dropout(model, None):
        pass
    assert state(model) == before
    assert fingerprint(model) == bits
