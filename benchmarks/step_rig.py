"""What the benchmark of a map-tuning step runs on: hosts, Wiki80 sentences, the machine's limit."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from kp_plugin_backbones.minilm import MiniLMBackbone
from kp_plugin_map_tuning.config import MapTuningConfig
from kp_plugin_map_tuning.injector import MapTuning
from kp_plugin_mappers.mappers import LinearMapper
from prepare_wiki80 import Instance, read_instances

from kpframework.api import (
    ComponentRef,
    Context,
    EmbeddingTable,
    GeneralStage,
    Mention,
    Segment,
)
from kpframework.inject.attachment import Attachment
from kpframework.inject.encoding import Encoded
from kpframework.inject.freezing import freeze
from kpframework.inject.knowledge import Knowledge
from kpframework.inject.plug import plug
from kpframework.kb.table import EntityTable, write_table
from kpframework.train.data import EncodedSet
from kpframework.train.hosts import load_model, load_tokenizer
from kpframework.train.masked_lm import masked_items

LENGTH = 64
DIM = 128
"""Width of the published entity vectors."""
BATCH = {"minilm": 64, "base": 16}


def load_host(size: str, head: str) -> Any:
    """Return a frozen host: MiniLM's real weights, or BERT-base's shape with random ones."""
    if size == "minilm":
        model, _ = load_model(MiniLMBackbone(None, Context()).folder(), head, labels=80)
    else:
        torch.manual_seed(0)
        masked = head == "masked-lm"
        kind = (
            transformers.BertForMaskedLM if masked else transformers.BertForSequenceClassification
        )
        model = kind(transformers.BertConfig(num_labels=80))
    return freeze(model)


def linked(instance: Instance) -> list[Mention]:
    """Return an instance's two mentions in order."""
    ends = [instance["head"], instance["tail"]]
    return sorted((Mention(**end) for end in ends), key=lambda mention: mention.start)


@dataclass(frozen=True)
class Rig:
    """A host with map-tuning attached, and the masked items of all sentences."""

    host: Any
    knowledge: Knowledge
    mapper: torch.nn.Linear
    table: EntityTable
    data: EncodedSet

    @classmethod
    def build(cls, size: str, head: str, corpus: Path, folder: Path) -> Rig:
        """Plug map-tuning, with random entity vectors, into a host of that size."""
        instances = read_instances(corpus, "dev")
        entities = sorted({m.entity for instance in instances for m in linked(instance)})
        vectors = np.random.default_rng(0).standard_normal((len(entities), DIM), dtype=np.float32)
        table = write_table(folder / "table", EmbeddingTable(entities, vectors))
        host = load_host(size, head)
        knowledge = plug(Attachment(host), "kb", _map_tuning(), table)
        assert knowledge.module is not None
        data = masked_items(
            load_tokenizer(MiniLMBackbone(None, Context()).folder()),
            [Segment(instance["text"]) for instance in instances],
            [linked(instance) for instance in instances],
            knowledge,
            LENGTH,
        )
        mapper: Any = knowledge.module.get_submodule("mapper")
        return cls(host, knowledge, mapper, table, data)

    def choose(self, size: int, count: int) -> list[list[int]]:
        """Return batches of an epoch whose lengths stand for all of them."""
        lengths = [len(item.input_ids) for item in self.data.items]
        full = [b for b in self.data.batches(size, seed=0, epoch=0) if len(b) == size]
        full.sort(key=lambda batch: max(lengths[i] for i in batch))
        return [full[(2 * i + 1) * len(full) // (2 * count)] for i in range(count)]


def _map_tuning() -> MapTuning:
    config = MapTuningConfig(
        mapper=ComponentRef(type="linear"),
        scale="none",  # the published mapper
        train=GeneralStage(stage="general", corpus="wiki80"),
    )
    return MapTuning(config, Context(create=lambda kind, ref: LinearMapper(None, Context())))


def needed_flops(config: Any, items: Sequence[Encoded]) -> float:
    """Return what a step's result needs: forward and input-backward, real tokens, no padding.

    The last layer counts where it is read, but for keys and values; the head at masked positions.
    """
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    linear = attention = 0
    for item in items:
        tokens, read = len(item.input_ids), len(item.targets)
        layer = 4 * width**2 + 2 * width * inner
        linear += (layers - 1) * layer * tokens
        linear += 2 * width**2 * tokens + (layer - 2 * width**2) * read
        linear += read * (width**2 + width * config.vocab_size)
        attention += 2 * width * tokens * ((layers - 1) * tokens + read)
    return 2.0 * (2 * linear + 3 * attention)  # both factors of attention's products get gradients


def matmul_rate(config: Any, tokens: int, backend: AbstractContextManager[None]) -> float:
    """Return FLOP/s of the host's widest products in fp32, forward and backward."""
    width, inner = config.hidden_size, config.intermediate_size
    inputs, weight = torch.randn(tokens, width), torch.randn(inner, width)
    with backend:
        best = float("inf")
        for _ in range(5):
            start = time.process_time()
            torch.nn.functional.linear(inputs, weight) @ weight
            best = min(best, time.process_time() - start)
    return 4.0 * tokens * width * inner / best


def arguments(argv: Sequence[str] | None, description: str) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    data = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--size", choices=[*BATCH], action="append", help="default: both")
    parser.add_argument("--batch", type=int, help="items a step; default: 64 MiniLM, 16 BERT-base")
    parser.add_argument("--steps", type=int, default=6, help="different batches")
    parser.add_argument("--repeats", type=int, default=3, help="times each of them is taken")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.25)
    parser.add_argument("-o", "--out", type=Path, help="where a JSON file is written")
    return parser.parse_args(argv)
