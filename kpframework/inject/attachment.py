"""Hooks on a host: knowledge plugins come and go, the host's class and weights stay as they are.

A batch says itself which position takes which entity's vector (`kp_entities`). A pre-hook on the
model takes that tensor out of the call, hooks on the host's own modules act on it, and nothing
happens in a forward pass whose batch holds no entity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch

from kpframework.api.injector import Callback, HostHandle
from kpframework.errors import KpError
from kpframework.inject.batch import ENTITIES, STRIDE
from kpframework.inject.gather import PositionedEntities
from kpframework.inject.knowledge import Knowledge

Site = Literal["input", "layer", "logits"]
"""The output of the input embeddings, of a layer, or of the model."""


class Attachment:
    """The knowledge plugins on one host.

    Args:
        model: a transformers model, a `PeftModel` around one, or anything with
            ``get_input_embeddings()``.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = model
        self.members: dict[str, Knowledge] = {}
        self._sources: dict[str, int] = {}
        self._handles: dict[str, list[Any]] = {}
        self._sites: dict[str, set[Site]] = {}
        self._root: list[Any] = []
        self._on_logits: list[tuple[int, Callback]] = []
        self._given: torch.Tensor | None = None
        self._working: dict[int, PositionedEntities] = {}
        self._pending: set[int] = set()

    @property
    def embedding(self) -> torch.nn.Module:
        """The host's own input-embedding module."""
        model: Any = self.model
        if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
            model = model.get_encoder()
        module = model.get_input_embeddings()
        if not isinstance(module, torch.nn.Module):
            raise KpError("KP710", f"{type(self.model).__name__} has no input-embedding module")
        return module

    def handle(self, name: str) -> HostHandle:
        """Return what the injector of that name sees of the host."""
        return _Handle(self, name)

    @property
    def sites(self) -> set[Site]:
        """Where the members' callbacks act."""
        return set().union(*self._sites.values())

    def source(self, name: str) -> int:
        """Return the number a member's codes carry."""
        return self._sources[name]

    def add(self, name: str, knowledge: Knowledge) -> int:
        """Put a knowledge plugin on the host and return its source number.

        Raises:
            KpError: KP711, the name is taken.
        """
        if name in self.members:
            raise KpError(
                "KP711", f"a knowledge plugin named {name!r} is attached already", "detach it first"
            )
        if not self._root:
            pre = self.model.register_forward_pre_hook(self._begin, with_kwargs=True)
            post = self.model.register_forward_hook(self._end, always_call=True)
            self._root = [pre, post]
        source = max(self._sources.values(), default=-1) + 1
        self.members[name] = knowledge
        self._sources[name] = source
        self._handles[name] = []
        self._sites[name] = set()
        knowledge.injector.patch(self.handle(name), knowledge.module)
        return source

    def remove(self, name: str) -> None:
        """Take a knowledge plugin off; with the last one every hook is gone."""
        for handle in self._handles.pop(name):
            handle.remove()
        source = self._sources[name]
        self._on_logits = [own for own in self._on_logits if own[0] != source]
        del self.members[name], self._sources[name], self._sites[name]
        if not self.members:
            for handle in self._root:
                handle.remove()
            self._root = []

    @contextmanager
    def knowledge(self, codes: torch.Tensor | None) -> Iterator[None]:
        """Give the codes of the prompt to every call inside, for ``generate()``.

        A call is matched to the prompt by its past length, so that cached steps take no slot, and
        by its number of rows, so that beams and samples share their prompt's slots.
        """
        self._given, before = codes, self._given
        try:
            yield
        finally:
            self._given = before

    def _begin(
        self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        codes = kwargs.pop(ENTITIES, None)
        if codes is None and self._given is not None:
            ids = kwargs.get("input_ids", args[0] if args else None)
            codes = None if ids is None else _columns_of(self._given, ids, kwargs)
        self._locate(codes)
        return args, kwargs

    def _locate(self, codes: torch.Tensor | None) -> None:
        self._working.clear()
        self._pending.clear()
        if codes is not None:
            for name, source in self._sources.items():
                own = (codes >= source * STRIDE) & (codes < (source + 1) * STRIDE)
                where = own.nonzero(as_tuple=True)
                if len(where[0]):
                    rows = codes[where] - source * STRIDE
                    table = self.members[name].table
                    assert table is not None  # a slot or an anchor has a vector
                    self._working[source] = PositionedEntities(table, where, rows)
                    if self._handles[name]:
                        self._pending.add(source)

    def on_logits(self, logits: torch.Tensor, codes: torch.Tensor | None) -> torch.Tensor:
        """Return logits of the bare host as members that act on nothing else change them."""
        self._locate(codes)
        for source, callback in self._on_logits:
            if entities := self._working.get(source):
                logits = callback(logits, entities)
        self._locate(None)
        return logits

    def _end(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        idle = bool(self._pending)
        self._locate(None)
        if idle and output is not None:
            raise KpError(
                "KP712",
                "the batch holds entities but the host never came to the module they enter at "
                "(was it called with inputs_embeds?)",
                "call the model with input_ids",
            )

    def hook(
        self, name: str, site: Site, module: torch.nn.Module, callback: Callback, key: str = ""
    ) -> None:
        """Pass a module's output (or the field ``key`` of it) through an injector's callback."""
        self._sites[name].add(site)
        source = self._sources[name]
        if site == "logits":
            self._on_logits.append((source, callback))

        def act(_module: torch.nn.Module, _args: Any, output: Any) -> Any:
            entities = self._working.get(source)
            if entities is None:
                return None
            self._pending.discard(source)
            return replace_output(output, key, lambda tensor: callback(tensor, entities))

        # The root's own closing hook must come last, so a hook on the root goes before it.
        first = module is self.model
        self._handles[name].append(module.register_forward_hook(act, prepend=first))


def replace_output(output: Any, key: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Return a module's output with its tensor (first of a tuple, field ``key``) changed."""
    if isinstance(output, torch.Tensor):
        return change(output)
    if isinstance(output, tuple):
        return (change(output[0]), *output[1:])
    if isinstance(output, Mapping) and key:
        values: Any = dict(output)
        values[key] = change(values[key])
        return type(output)(**values)
    raise KpError("KP713", f"cannot change an output of type {type(output).__name__}")


def _columns_of(
    codes: torch.Tensor, ids: torch.Tensor, kwargs: Mapping[str, Any]
) -> torch.Tensor | None:
    past = kwargs.get("past_key_values")
    start = int(past.get_seq_length()) if past is not None else 0
    if start >= codes.shape[1] or ids.shape[0] % codes.shape[0]:
        return None
    codes = codes[:, start : start + ids.shape[1]].to(ids.device)
    codes = codes.repeat_interleave(ids.shape[0] // codes.shape[0], dim=0)
    return torch.nn.functional.pad(codes, (0, ids.shape[1] - codes.shape[1]), value=-1)


class _Handle:
    """What an injector sees of the host (`kpframework.api.injector.HostHandle`)."""

    def __init__(self, attachment: Attachment, name: str) -> None:
        self._attachment = attachment
        self._name = name

    @property
    def model(self) -> torch.nn.Module:
        return self._attachment.model

    @property
    def width(self) -> int:
        return host_width(self._attachment.embedding)

    @property
    def embedding_rms(self) -> float:
        return host_rms(self._attachment.embedding)

    @property
    def outputs(self) -> int:
        return int(getattr(getattr(self.model, "config", None), "num_labels", 0) or 0)

    def input_embeddings(self, callback: Callback) -> None:
        self._attachment.hook(self._name, "input", self._attachment.embedding, callback)

    def layer(self, index: int, callback: Callback) -> None:
        layers = host_layers(self.model)
        if not -len(layers) <= index < len(layers):
            raise KpError("KP714", f"layer {index} of a host with {len(layers)} layers")
        self._attachment.hook(self._name, "layer", layers[index], callback)

    def logits(self, callback: Callback) -> None:
        self._attachment.hook(self._name, "logits", self.model, callback, key="logits")


def host_width(embedding: torch.nn.Module) -> int:
    """Return the width of a host's word embeddings."""
    weight: Any = embedding.weight
    return int(weight.shape[1])


def host_rms(embedding: torch.nn.Module) -> float:
    """Return the root mean square of a host's word embeddings, over all their components."""
    weight: Any = embedding.weight
    return float(weight.detach().float().square().mean().sqrt())


def host_layers(model: torch.nn.Module) -> torch.nn.ModuleList:
    """Return a host's transformer layers: its longest list of modules of one class."""
    lists = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.ModuleList) and len({type(layer) for layer in module}) == 1
    ]
    if not lists:
        raise KpError("KP715", f"no list of layers was found in {type(model).__name__}")
    return max(lists, key=len)
