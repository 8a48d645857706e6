"""What a task reads of a language model equals a plain forward pass, whatever is left out of it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model

from kpframework.api import Context, Example, Hidden, Insertion, Mention, Segment
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.freezing import freeze
from kpframework.inject.plug import plug
from kpframework.testing.injectors import SlotInjector
from kpframework.testing.tiny import tiny_model, tiny_table, tiny_tokenizer
from kpframework.train.data import encode_examples, predict
from kpframework.train.hosts import is_causal
from kpframework.train.reading import reading

QUESTIONS = (
    "Where was the patient born?",
    "Paris is the capital of",
    "A seizure is an intermittent abnormality of nervous system physiology in",
)
LONG = ("Paris, 1967", "France and Lyon", "the long slender fingers")
WORDS = {"bert": ("Paris", "France", "Lyon"), "byte-level": ("is", "of", "in")}
HOSTS = ("bert", "roberta", "gpt2", "llama", "gpt2-peft", "bert-peft")
TARGETS = {"bert": ["query"], "gpt2": ["c_attn"]}


@dataclass
class Reads:
    """As much of a task as is asked."""

    reads: str


def host(name: str):
    family, _, peft = name.partition("-")
    tokenizer = tiny_tokenizer(family)
    if family == "roberta":
        ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
        config = transformers.RobertaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=128,
            **ends,
        )
        torch.manual_seed(0)
        model = transformers.RobertaForMaskedLM(config)
    else:
        kind = "bert-masked-lm" if family == "bert" else f"{family}-lm"
        model = tiny_model(kind, len(tokenizer))
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.3)  # so that every part matters
    if peft:
        fan = family == "gpt2"
        lora = LoraConfig(
            target_modules=TARGETS[family], init_lora_weights=False, fan_in_fan_out=fan
        )
        model = get_peft_model(model, lora)
    return freeze(model), tokenizer


def words_of(name: str) -> tuple[str, ...]:
    return WORDS["bert" if name.startswith("bert") else "byte-level"]


def example(text: str, answers) -> Example:
    segments = tuple(
        Segment(text, (), (Insertion(len(text), (Hidden(own),), "after"),)) for own in answers
    )
    inputs = tuple((i,) for i in range(len(segments)))
    return Example(text, segments, None, {}, inputs if len(inputs) > 1 else ())


def encoded(model, tokenizer, examples):
    return encode_examples(tokenizer, 64, examples, causal=is_causal(model))


def one_by_one(model, item):
    """Return the plain model's logits at each answering position of one input, without padding."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([item.input_ids])).logits[0]
    columns, tokens = zip(*item.targets, strict=True)
    return logits[list(columns)], torch.tensor(tokens)


@pytest.mark.parametrize("name", HOSTS)
def test_words_are_the_plain_models_logits_at_the_hidden_token(name):
    model, tokenizer = host(name)
    pairs = zip(QUESTIONS, words_of(name), strict=True)
    data = encoded(model, tokenizer, [example(text, [word]) for text, word in pairs])
    expected = torch.stack([one_by_one(model, item)[0][0] for item in data.items])
    with torch.no_grad():
        own = reading(model, Reads("words"))(data.batch([2, 0, 1]))
    torch.testing.assert_close(own, expected[[2, 0, 1]], rtol=1e-4, atol=1e-4)
    found = predict(model, data, Reads("words"), Context(), batch_size=2)
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", HOSTS)
def test_likelihoods_are_sums_and_means_of_the_plain_models_log_probabilities(name):
    model, tokenizer = host(name)
    data = encoded(model, tokenizer, [example(text, LONG) for text in QUESTIONS])
    totals, means = [], []
    for item in data.items:
        logits, tokens = one_by_one(model, item)
        own = logits.log_softmax(-1)[range(len(tokens)), tokens]
        totals.append(own.sum())
        means.append(own.sum() / len(tokens))
    for reads, values in (("total-likelihood", totals), ("likelihood", means)):
        found = predict(model, data, Reads(reads), Context(), batch_size=3)
        assert found.shape == (3, 3, 1)
        expected = torch.stack(values).reshape(3, 3, 1)
        torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=1e-4)


def test_a_causal_models_likelihood_is_its_own_loss():
    model, tokenizer = host("gpt2")
    data = encoded(model, tokenizer, [example(QUESTIONS[1], [LONG[0]])])
    item = data.items[0]
    labels = torch.full((1, len(item.input_ids)), -100)
    for column, token in item.targets:
        labels[0, column + 1] = token
    with torch.no_grad():
        loss = model(input_ids=torch.tensor([item.input_ids]), labels=labels).loss
        own = reading(model, Reads("likelihood"))(data.batch([0]))
    torch.testing.assert_close(own, -loss.reshape(1, 1))


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2", "llama"])
@pytest.mark.parametrize("reads", ["words", "likelihood"])
def test_what_a_narrowed_last_layer_gives_is_read_the_same_with_the_same_gradient(name, reads):
    model, tokenizer = host(name)
    answers = words_of(name) if reads == "words" else LONG
    pairs = zip(QUESTIONS, answers, strict=True)
    data = encoded(model, tokenizer, [example(text, [own]) for text, own in pairs])
    batch = data.batch([0, 1, 2])
    embedding = model.get_input_embeddings()
    found = []
    for probe in (None, batch):
        read = reading(model, Reads(reads), probe)
        shape = (*batch.inputs["input_ids"].shape, embedding.weight.shape[1])
        moved = torch.zeros(shape, requires_grad=True)
        hook = embedding.register_forward_hook(lambda _m, _a, out, moved=moved: out + moved)
        value = read(batch)
        value.square().sum().backward()
        hook.remove()
        found.append((value.detach(), moved.grad))
    torch.testing.assert_close(found[1][0], found[0][0], rtol=1e-4, atol=1e-4)
    error = torch.linalg.vector_norm(found[1][1] - found[0][1])
    assert error <= 1e-4 * torch.linalg.vector_norm(found[0][1])


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
def test_a_slot_before_the_hidden_text_is_read_as_the_plain_model_reads_its_vector(name):
    model, tokenizer = host(name)
    attachment = Attachment(model)
    knowledge = plug(attachment, "kb", SlotInjector(None, Context()), tiny_table())
    text = QUESTIONS[0]
    start = text.index("patient")
    mention = Mention(start, start + 7, "E3", role="subject")
    asked = [example(text, LONG)]
    data = encode_examples(
        tokenizer, 64, asked, [[[mention]] * 3], knowledge, causal=is_causal(model)
    )
    found = predict(model, data, Reads("likelihood"), Context())[0, :, 0]
    assert all(len(item.entities) == 1 for item in data.items)
    with torch.no_grad():
        vector = knowledge.module(torch.tensor(tiny_table().gather([3])))[0]
    attachment.remove("kb")
    embedding = model.get_input_embeddings()
    for item, own in zip(data.items, found, strict=True):
        position = item.entities[0][0]
        with torch.no_grad():
            inputs = embedding(torch.tensor([item.input_ids])).clone()
            inputs[0, position] = vector
            logits = model(inputs_embeds=inputs).logits[0].log_softmax(-1)
        expected = sum(float(logits[column, token]) for column, token in item.targets)
        assert own == pytest.approx(expected / len(item.targets), rel=1e-4)


def test_an_input_that_hides_nothing_is_the_least_likely():
    model, tokenizer = host("bert")
    text = QUESTIONS[0]
    one = example(text, [LONG[0]])
    filled = Example("a", (*one.segments, Segment(".")), None, {}, ((0,), (1,), (1,)))
    data = encoded(model, tokenizer, [filled])
    for reads in ("likelihood", "total-likelihood"):
        found = predict(model, data, Reads(reads), Context())[0, :, 0]
        assert found[0] > -1e3
        assert (found[1:] == -float("inf")).all()


@pytest.mark.parametrize("answers", [["Paris of France"], ["France", ""]])
def test_a_task_of_one_word_hides_one_token_an_input(answers):
    model, tokenizer = host("bert")
    data = encoded(model, tokenizer, [example(QUESTIONS[0], answers)])
    with pytest.raises(KpError, match="KP742"):
        reading(model, Reads("words"))(data.batch([0]))


def test_examples_of_a_split_have_as_many_inputs():
    model, tokenizer = host("bert")
    with pytest.raises(KpError, match="KP743"):
        encoded(model, tokenizer, [example(QUESTIONS[0], LONG), example(QUESTIONS[1], LONG[:2])])
