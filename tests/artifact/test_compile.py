"""The plugin on a host that `torch.compile` compiled."""

from __future__ import annotations

import shutil

import pytest
import torch

from .conftest import TEXTS, logits

COMPILER = pytest.mark.skipif(
    shutil.which("g++") is None and shutil.which("clang++") is None,
    reason="no C++ compiler, which torch.compile's inductor needs",
)
BACKENDS = ["eager", pytest.param("inductor", marks=[pytest.mark.slow, COMPILER])]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_compiled_model_answers_as_the_plain_one(run, backend):
    model, tokenizer = run.host()
    plain = dict(tokenizer(list(TEXTS), padding=True, return_tensors="pt"))
    bare = logits(model, plain)
    plugin = run.plugin().attach(model, tokenizer)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend=backend)
    inputs = plugin.encode(TEXTS)
    expected = logits(model, inputs)
    assert not torch.allclose(expected[0], bare[0], atol=1e-4)
    torch.testing.assert_close(logits(compiled, inputs), expected, atol=1e-5, rtol=0)
    plugin.detach()
    torch.testing.assert_close(logits(compiled, plain), bare, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("attached_first", [True, False])
def test_a_compiled_model_keeps_up_with_other_batches_and_with_detaching(run, attached_first):
    model, tokenizer = run.host()
    plain = dict(tokenizer(list(TEXTS), padding=True, return_tensors="pt"))
    bare = logits(model, plain)
    plugin = run.plugin()
    torch._dynamo.reset()
    if attached_first:
        plugin.attach(model, tokenizer)
        compiled = torch.compile(model, backend="eager")
    else:
        compiled = torch.compile(model, backend="eager")
        torch.testing.assert_close(logits(compiled, plain), bare, atol=1e-6, rtol=0)
        plugin.attach(compiled, tokenizer)
    for texts in (TEXTS, TEXTS[1:], TEXTS):
        inputs = plugin.encode(texts)
        eager = logits(model, inputs) if attached_first else None
        made = logits(compiled, inputs)
        if eager is not None:
            torch.testing.assert_close(made, eager, atol=1e-6, rtol=0)
        assert not torch.allclose(made[0], bare[TEXTS.index(texts[0])], atol=1e-4)
    torch.testing.assert_close(logits(compiled, plain), bare, atol=1e-6, rtol=0)
    plugin.detach()
    torch.testing.assert_close(logits(compiled, plain), bare, atol=1e-6, rtol=0)
