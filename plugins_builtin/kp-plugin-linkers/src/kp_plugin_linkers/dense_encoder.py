"""Vectors of texts: mean token states of a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

transformers.logging.disable_progress_bar()

Vectors = npt.NDArray[np.float32]
Span = tuple[int, int] | None
"""Characters whose tokens are pooled; None for all."""


class Encoder:
    """Maps texts to vectors of length 1.

    Args:
        folder: a model with a fast tokenizer; nothing is downloaded and no code of it is run.
        max_tokens: tokens read of a text.
        batch_size: texts at a time.
        device: of the computation.
    """

    def __init__(self, folder: Path, max_tokens: int, batch_size: int, device: str) -> None:
        self._folder, self._batch_size, self._device = folder, batch_size, device
        options = {"local_files_only": True, "trust_remote_code": False}
        self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, **options)
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._tokenizer.padding_side = "right"
        model = transformers.AutoModel.from_pretrained(folder, use_safetensors=True, **options)
        if model.config.is_encoder_decoder:
            model = model.get_encoder()
        self._model: Any = model.to(device).eval().requires_grad_(False)
        self._max_tokens = max_tokens
        self.dim = int(model.config.hidden_size)

    def digest(self) -> str:
        """Return a hash of the files that decide the vectors."""
        parts = []
        for path in sorted(self._folder.iterdir()):
            if path.suffix in {".json", ".safetensors", ".txt", ".model"}:
                with path.open("rb") as file:
                    parts.append(f"{path.name}:{file_digest(file, 'sha256').hexdigest()}")
        return ",".join(parts)

    def encode(self, texts: Sequence[str], spans: Sequence[Span] | None = None) -> Vectors:
        """Return the vectors of texts, shape (texts, dim).

        Args:
            texts: those with no token get a vector of zeros.
            spans: for each text the characters whose tokens count; where they have none among the
                tokens read, all count.
        """
        spans = spans or [None] * len(texts)
        out = np.zeros((len(texts), self.dim), np.float32)
        # Texts of like length share a batch: little padding.
        order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))
        for start in range(0, len(order), self._batch_size):
            some = order[start : start + self._batch_size]
            out[some] = self._batch([texts[i] for i in some], [spans[i] for i in some])
        return out

    @torch.no_grad()
    def _batch(self, texts: Sequence[str], spans: Sequence[Span]) -> Vectors:
        encoded = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._max_tokens,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        offsets = encoded.pop("offset_mapping")
        states = self._model(**encoded.to(self._device)).last_hidden_state.float().cpu()
        mask = encoded["attention_mask"].cpu().bool()
        for row, span in enumerate(spans):
            if span is not None:
                begins, ends = offsets[row, :, 0], offsets[row, :, 1]
                inside = mask[row] & (begins < span[1]) & (ends > span[0]) & (ends > begins)
                if inside.any():
                    mask[row] = inside
        weights = mask.float().unsqueeze(-1)
        means = (states * weights).sum(1) / weights.sum(1).clamp(min=1)
        vectors: Vectors = torch.nn.functional.normalize(means, dim=-1).numpy()
        return vectors
