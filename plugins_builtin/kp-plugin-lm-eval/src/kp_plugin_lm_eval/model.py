"""The model ``kpframework`` of lm-evaluation-harness: a decoder that knows of the context."""

from __future__ import annotations

from typing import Any

import torch
from lm_eval.api.registry import register_model
from lm_eval.models.huggingface import HFLM

from kp_plugin_lm_eval.context import Contexts
from kp_plugin_lm_eval.rolling import pieces
from kpframework import KnowledgePlugin, KpError


@register_model("kpframework")
class KnowledgeLM(HFLM):
    """The harness's own model for transformers, whose contexts bring knowledge.

    Entities are linked in the *context* of a request, never in what is scored: the answers stay the
    user's own tokens, and no answer is told its own entities. Entities stand inside the token ids
    (`kpframework.KnowledgePlugin.tokenizer`), so batching, caching and scoring are the harness's.
    Where nothing is linked, its requests are the harness's own, bit for bit.

    Args:
        pretrained: folder or name of a decoder, or the model itself.
        plugin: folder or repository of a knowledge plugin that fits it.
        rolling_block: tokens of a running text that are scored at once, with knowledge of what
            stands before them; see `loglikelihood_rolling`.
        options: every other one of the harness's model ``hf``.

    Raises:
        KpError: KP896, the model is no decoder, or an option cannot be had with knowledge.
    """

    def __init__(
        self, pretrained: Any, plugin: Any, rolling_block: int = 64, **options: Any
    ) -> None:
        if options.get("truncation"):
            raise KpError(
                "KP896",
                "truncation=True cuts the end of a context, where its question stands",
                "leave the option out: what is too long is cut at the beginning",
            )
        if not isinstance(rolling_block, int) or rolling_block < 1:
            raise KpError("KP896", f"rolling_block={rolling_block!r}", "give a number from 1 on")
        super().__init__(pretrained, **options)
        if self.backend != "causal":
            raise KpError(
                "KP896",
                f"{type(self.model).__name__} is no decoder",
                "give a causal language model",
            )
        self.rolling_block = rolling_block
        self.plugin = KnowledgePlugin.from_pretrained(plugin)
        self.plugin.attach(self.model, self.tokenizer)
        self._contexts = Contexts(self.tokenizer, self.plugin.tokenizer())

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        plain, scored = super()._encode_pair(context, continuation)
        # The harness moves spaces at the end of a context into the continuation.
        text = context.rstrip()
        return self._contexts.told(text, plain, self.max_length + 1 - len(scored)), scored

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = False) -> list[float]:
        """Return the log-likelihood of each text.

        A text has no context that knowledge could be linked in, and one that was told its own
        entities would be scored on what it was told. So each block of a text is scored with
        knowledge of what stands before it, in the harness's own windows. A text without entities is
        scored by the harness.
        """
        found: list[float] = super().loglikelihood_rolling(requests, disable_tqdm=disable_tqdm)
        for at, request in enumerate(requests):
            (text,) = request.args
            if not self.plugin.link([text])[0]:
                continue
            parts = pieces(
                text,
                self.tok_encode(text),
                self.prefix_token_id,
                self.max_length,
                self.rolling_block,
                self._contexts,
            )
            scored = self._loglikelihood_tokens(parts, disable_tqdm=True)
            found[at] = sum(score for score, _ in scored)
            self.cache_hook.add_partial("loglikelihood_rolling", (text,), found[at])
        return found

    def tok_batch_encode(
        self,
        strings: Any,
        padding_side: str = "left",
        left_truncate_len: int | None = None,
        truncation: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ids and attention mask of the contexts that are to be continued."""
        ids, mask = super().tok_batch_encode(strings, padding_side, left_truncate_len, truncation)
        plain = [row[own.bool()].tolist() for row, own in zip(ids, mask, strict=True)]
        room = left_truncate_len or self.max_length
        told = [
            self._contexts.told(text, own, room) for text, own in zip(strings, plain, strict=True)
        ]
        if told == plain:
            return ids, mask
        width = max(map(len, told))
        pad = self.tokenizer.pad_token_id
        left = padding_side == "left"
        rows, masks = [], []
        for own in told:
            gap = [pad] * (width - len(own)), [0] * (width - len(own))
            ones = [1] * len(own)
            rows.append(gap[0] + own if left else own + gap[0])
            masks.append(gap[1] + ones if left else ones + gap[1])
        return torch.tensor(rows), torch.tensor(masks)
