"""A tokenizer whose token ids bring knowledge along, for code that calls a tokenizer itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from kpframework.api.text import Segment
from kpframework.artifact.encode import UNLIMITED, Row, RowEncoder
from kpframework.artifact.hosts import Host
from kpframework.errors import KpError
from kpframework.inject.encoding import Encoded
from kpframework.inject.marks import mark, unmark

if TYPE_CHECKING:
    from transformers import BatchEncoding

_WHOLE = ("only_first", "only_second")
"""Ways to truncate that are refused where a text is too long."""


class KnowledgeTokenizer:
    """Stands where a tokenizer stands: in a pipeline, a collator, a Trainer, ``datasets.map``.

    ::

        pipe = pipeline("text-classification", model=model, tokenizer=plugin.tokenizer())

    Texts are linked and edited for the host's *active* plugin (`KnowledgePlugin.set_active`), and
    are the tokenizer's own where it is disabled or gone. Entities stand inside ``input_ids``
    (`kpframework.inject.marks`), so that padding, batching and ``generate()`` need to know nothing
    of them. Everything but calling, padding and decoding is the tokenizer's own; it is not changed.
    """

    def __init__(self, host: Host, tokenizer: Any) -> None:
        self._host = host
        self._tokenizer = tokenizer
        self.padding_side = tokenizer.padding_side

    @property
    def __class__(self) -> Any:
        """The tokenizer's, for what asks whether it is a tokenizer."""
        return type(self.__dict__.get("_tokenizer", self))

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise TypeError("the class of a tokenizer is not assigned")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_tokenizer" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._tokenizer, name)

    def __len__(self) -> int:
        return len(self._tokenizer)

    def __call__(
        self,
        text: Any,
        text_pair: Any = None,
        *,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str = False,
        max_length: int | None = None,
        return_tensors: str | None = None,
        return_attention_mask: bool | None = None,
        return_token_type_ids: bool | None = None,
        return_special_tokens_mask: bool = False,
        padding_side: str | None = None,
    ) -> BatchEncoding:
        """Return what the tokenizer would, with knowledge.

        Args:
            text: a text, a pair of them, or a list of either; a `Segment` brings its own mentions.
            text_pair: second text of each.
            add_special_tokens: whether special tokens are put around a text.
            padding: False, True or ``"longest"``, ``"max_length"``.
            truncation: False, or True or ``"longest_first"``: what plugins need is kept, see
                `kpframework.inject.encoding`. ``"only_first"`` and ``"only_second"`` are taken
                where nothing is too long.
            max_length: of truncation and padding; None takes what the host can hold.
            return_tensors: ``"pt"``, ``"np"`` or None for lists.
            return_attention_mask: False leaves it out.
            return_token_type_ids: None gives them where the model has them.
            return_special_tokens_mask: adds 1 at every position that is not of the text itself.
            padding_side: ``"left"`` or ``"right"``.

        Raises:
            KpError: KP784, an option has a value that cannot be had with knowledge.
        """
        from transformers import BatchEncoding

        single, segments = _inputs(text, text_pair)
        cut = truncation not in (False, None, "do_not_truncate")
        limit = None if cut or padding == "max_length" else UNLIMITED
        encoder = RowEncoder(
            self._host, self._tokenizer, max_length if limit is None else limit, add_special_tokens
        )
        items = encoder.items([Row(self._host.attachment.active, own) for own in segments])
        if truncation in _WHOLE and any(item.dropped for item in items):
            raise KpError(
                "KP784",
                f"a text is longer than {encoder.max_length} tokens, and truncation={truncation!r} "
                "cannot be had beside what plugins need",
                "truncation=True",
            )
        side = padding_side or self.padding_side
        data = self._features(encoder, items, padding, side)
        if return_special_tokens_mask:
            data["special_tokens_mask"] = _special(items, data["input_ids"], side)
        if return_attention_mask is False:
            del data["attention_mask"]
        if return_token_type_ids is False:
            data.pop("token_type_ids", None)
        elif return_token_type_ids and "token_type_ids" not in data:
            raise KpError("KP784", "this host has no token types", "leave the option out")
        if single and return_tensors is None:
            data = {name: rows[0] for name, rows in data.items()}
        return BatchEncoding(data, tensor_type=return_tensors)

    def apply_chat_template(
        self,
        conversation: Any,
        *,
        tokenize: bool = True,
        return_dict: bool = True,
        return_tensors: str | None = None,
        padding: bool | str = False,
        truncation: bool = False,
        max_length: int | None = None,
        tokenizer_kwargs: dict[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Return a conversation as the tokenizer's template has it, with knowledge."""
        text = self._tokenizer.apply_chat_template(conversation, tokenize=False, **options)
        if not tokenize:
            return text
        encoded = self(
            text,
            add_special_tokens=False,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            return_tensors=return_tensors,
            **tokenizer_kwargs or {},
        )
        return encoded if return_dict else encoded["input_ids"]

    def pad(self, *args: Any, **options: Any) -> Any:
        """Pad as the tokenizer does, on this one's side."""
        return self._tokenizer.pad(*args, **{"padding_side": self.padding_side, **options})

    def decode(self, token_ids: Any, *args: Any, **options: Any) -> Any:
        """Return the text of token ids, knowledge or not."""
        return self._tokenizer.decode(_plain(token_ids), *args, **options)

    def batch_decode(self, sequences: Any, *args: Any, **options: Any) -> Any:
        """Return the text of each of several sequences of token ids."""
        return self._tokenizer.batch_decode([_plain(ids) for ids in sequences], *args, **options)

    def convert_ids_to_tokens(self, ids: Any, *args: Any, **options: Any) -> Any:
        """Return the tokens of token ids."""
        return self._tokenizer.convert_ids_to_tokens(_plain(ids), *args, **options)

    def _features(
        self, encoder: RowEncoder, items: Sequence[Encoded], padding: bool | str, side: str
    ) -> dict[str, Any]:
        if padding in (False, None, "do_not_pad"):
            batches = [encoder.batch([item]) for item in items]
        elif padding in (True, "longest", "max_length"):
            width = encoder.max_length if padding == "max_length" else 0
            batches = [encoder.batch(items, width, left=side == "left")] if items else []
        else:
            raise KpError(
                "KP784", f"padding={padding!r}", "give True, False, 'longest' or 'max_length'"
            )
        data: dict[str, Any] = {"input_ids": [], "attention_mask": []}
        for batch in batches:
            inputs = dict(batch.inputs)
            inputs["input_ids"] = mark(inputs["input_ids"], inputs.pop("kp_entities", None))
            for name, rows in inputs.items():
                data.setdefault(name, []).extend(rows.tolist())
        return data


def _inputs(text: Any, pair: Any) -> tuple[bool, list[tuple[Segment, ...]]]:
    """Return whether one input is asked for, and the segments of each."""
    single = isinstance(text, (str, Segment))
    first: list[Any] = [text] if single else list(text)
    if pair is None:
        rows = [tuple(own) if isinstance(own, (list, tuple)) else (own,) for own in first]
    else:
        rows = list(zip(first, [pair] if single else pair, strict=True))
    segments = [tuple(s if isinstance(s, Segment) else Segment(s) for s in row) for row in rows]
    for own in segments:
        if not 1 <= len(own) <= 2 or not all(isinstance(s.text, str) for s in own):
            raise KpError(
                "KP784",
                "an input is neither a text nor a pair of texts (lists of words cannot be linked)",
                "give texts as strings",
            )
    return single, segments


def _special(items: Sequence[Encoded], ids: Sequence[Sequence[int]], side: str) -> list[list[int]]:
    found = []
    for item, row in zip(items, ids, strict=True):
        own, padding = [int(at < 0) for at in item.origin], [1] * (len(row) - len(item.origin))
        found.append([*padding, *own] if side == "left" else [*own, *padding])
    return found


def _plain(ids: Any) -> Any:
    """Return token ids without the entities in them."""
    plain, _ = unmark(torch.as_tensor(ids))
    return plain.tolist()
