"""Tiny hosts for tests: real transformers classes with random weights, and their tokenizers.

Nothing is downloaded. Every architecture here loads, trains and generates as its large sibling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from kpframework.testing.pieces import UNIGRAMS, WORDPIECES

TEXTS = (
    "The patient has arachnodactyly and long slender fingers.",
    "Paris is the capital of France / and Lyon is not.",
    "Jean Marchi was born in Paris, 1967 # and lives $ there.",
    "A seizure is an intermittent abnormality of nervous system physiology.",
)
"""What the tokenizers are made for."""

ARCHITECTURES = (
    "bert-classifier",
    "bert-masked-lm",
    "roberta-classifier",
    "distilbert-classifier",
    "deberta-v2-classifier",
    "gpt2-classifier",
    "gpt2-lm",
    "llama-classifier",
    "llama-lm",
)
"""What `tiny_model` can make."""
WIDTH = 32
"""Hidden width of every tiny model."""

BERT_SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
    "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
}


class ArrayTable:
    """Entity vectors in memory; entity ids are ``E0``, ``E1`` and so on."""

    def __init__(self, vectors: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        self.vectors = vectors
        self.ids = [f"E{i}" for i in range(len(vectors))]
        self._rows = {entity: row for row, entity in enumerate(self.ids)}

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return int(self.vectors.shape[1])

    @property
    def rms(self) -> float:
        """Root mean square of all components."""
        return float(np.sqrt(np.mean(np.square(self.vectors))))

    def rows(self, entities: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the row of each entity id, -1 where there is none."""
        return np.array([self._rows.get(entity, -1) for entity in entities], dtype=np.int64)

    def gather(self, rows: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the vectors of rows."""
        vectors: np.ndarray[Any, np.dtype[np.float32]] = self.vectors[rows]
        return vectors


def tiny_table(entities: int = 10, dim: int = 16, seed: int = 0) -> ArrayTable:
    """Return random entity vectors."""
    generator = np.random.default_rng(seed)
    return ArrayTable(generator.standard_normal((entities, dim), dtype=np.float32))


def tiny_tokenizer(architecture: str) -> Any:
    """Return a fast tokenizer of the kind an architecture usually has."""
    family = architecture.split("-", maxsplit=1)[0]
    if family in {"bert", "distilbert"}:
        return _wordpiece()
    if family == "deberta":
        return _unigram()
    return _byte_level(family)


def tiny_model(architecture: str, vocabulary: int, labels: int = 3, seed: int = 0) -> Any:
    """Return a model with random weights in evaluation mode.

    Raises:
        KeyError: the architecture is none of `ARCHITECTURES`.
    """
    size = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2}
    encoder = {**size, "intermediate_size": 64, "max_position_embeddings": 128}
    gpt2 = {"n_embd": WIDTH, "n_layer": 2, "n_head": 2, "n_positions": 128}
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    distilbert = {"dim": WIDTH, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    made: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "bert-classifier": (
            transformers.BertForSequenceClassification,
            transformers.BertConfig,
            encoder,
        ),
        "bert-masked-lm": (transformers.BertForMaskedLM, transformers.BertConfig, encoder),
        "roberta-classifier": (
            transformers.RobertaForSequenceClassification,
            transformers.RobertaConfig,
            {**encoder, **ends},
        ),
        "distilbert-classifier": (
            transformers.DistilBertForSequenceClassification,
            transformers.DistilBertConfig,
            distilbert,
        ),
        "deberta-v2-classifier": (
            transformers.DebertaV2ForSequenceClassification,
            transformers.DebertaV2Config,
            {**encoder, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
        ),
        "gpt2-classifier": (
            transformers.GPT2ForSequenceClassification,
            transformers.GPT2Config,
            {**gpt2, **ends},
        ),
        "gpt2-lm": (transformers.GPT2LMHeadModel, transformers.GPT2Config, {**gpt2, **ends}),
        "llama-classifier": (
            transformers.LlamaForSequenceClassification,
            transformers.LlamaConfig,
            {**encoder, **ends},
        ),
        "llama-lm": (transformers.LlamaForCausalLM, transformers.LlamaConfig, {**encoder, **ends}),
    }
    model_class, config_class, options = made[architecture]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model_class(config_class(vocab_size=vocabulary, num_labels=labels, **options)).eval()


def _wrap(tokenizer: Any, **special: Any) -> Any:
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def _wordpiece() -> Any:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {piece: number for number, piece in enumerate([*special, *WORDPIECES])}
    tokenizer = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return _wrap(tokenizer, **BERT_SPECIAL)


def _unigram() -> Any:
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    scored = [(piece, -2.0 - rank / 15) for rank, piece in enumerate(UNIGRAMS)]
    vocabulary = [*((token, 0.0) for token in special), *scored]
    tokenizer = tokenizers.Tokenizer(models.Unigram(vocabulary, special.index("[UNK]")))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    return _wrap(tokenizer, **BERT_SPECIAL)


def _byte_level(family: str) -> Any:
    special = ["<pad>", "<s>", "</s>", "<unk>"] + ["<mask>"] * (family == "roberta")
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=320,
            special_tokens=special,
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    if family == "roberta":
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1))
        names |= {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
        names["unk_token"] = "<unk>"
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return _wrap(tokenizer, **names, model_input_names=["input_ids", "attention_mask"])
