"""Hooks on a host: knowledge plugins come and go, the host's class and weights stay as they are.

A batch says itself which position takes which entity's vector (`kp_entities`). A pre-hook on the
model takes that tensor out of the call, hooks on the host's own modules act on it, and nothing
happens in a forward pass whose batch holds no entity. Entities may come inside ``input_ids`` as
well (`kpframework.inject.marks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch

from kpframework.api.injector import Callback, Entities, HostHandle, KeysValues
from kpframework.errors import KpError
from kpframework.inject import attention
from kpframework.inject.batch import ENTITIES, STRIDE
from kpframework.inject.gather import PositionedEntities
from kpframework.inject.generation import Generation, roots_of
from kpframework.inject.handle import Handle
from kpframework.inject.knowledge import Knowledge
from kpframework.inject.layer_parts import before
from kpframework.inject.marks import without_marks

Site = Literal["input", "layer", "logits"]
"""The output of the input embeddings, something of a layer, or the output of the model."""


class Attachment:
    """The knowledge plugins on one host.

    Args:
        model: a transformers model, a `PeftModel` around one, or anything with
            ``get_input_embeddings()``.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = model
        self.members: dict[str, Knowledge] = {}
        self.active: str | None = None
        """Name of the member that texts get where nobody says which; None for the bare host."""
        self.disabled: set[str] = set()
        """Names of the members that do nothing for now."""
        self._sources: dict[str, int] = {}
        self._given_out = 0
        self._handles: dict[str, list[Any]] = {}
        self._sites: dict[str, set[Site]] = {}
        self._root: list[Any] = []
        self._outermost: torch.nn.Module | None = None
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
        return Handle(self, name)

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
            begin, end = uncompiled(self._begin), uncompiled(self._end)
            for root in roots_of(self.model):
                self._root.append(root.register_forward_pre_hook(begin, with_kwargs=True))
                self._root.append(root.register_forward_hook(end, always_call=True))
            self._root.append(Generation(self))
        source = self._given_out
        self._given_out += 1
        self.members[name] = knowledge
        self._sources[name] = source
        self._handles[name] = []
        self._sites[name] = set()
        try:
            knowledge.injector.patch(self.handle(name), knowledge.module)
        except BaseException:
            self.remove(name)
            raise
        return source

    def replace(self, name: str, knowledge: Knowledge) -> None:
        """Let a member answer from other knowledge, from the next call on.

        Rows of its table that inputs carry already must mean what they meant. Where the injector is
        another one its callbacks change too, which no forward pass may be under way for.
        """
        before, self.members[name] = self.members[name], knowledge
        if knowledge.injector is before.injector:
            return
        self._unpatch(name)
        try:
            knowledge.injector.patch(self.handle(name), knowledge.module)
        except BaseException:
            self._unpatch(name)
            self.members[name] = before
            before.injector.patch(self.handle(name), before.module)
            raise

    def remove(self, name: str) -> None:
        """Take a knowledge plugin off; with the last one every hook is gone."""
        self._unpatch(name)
        del self.members[name], self._sources[name], self._sites[name], self._handles[name]
        self.disabled.discard(name)
        if self.active == name:
            self.active = None
        if not self.members:
            for handle in self._root:
                handle.remove()
            self._root = []

    def _unpatch(self, name: str) -> None:
        for handle in self._handles[name]:
            handle.remove()
        source = self._sources[name]
        self._on_logits = [own for own in self._on_logits if own[0] != source]
        self._handles[name], self._sites[name] = [], set()

    @contextmanager
    def knowledge(self, codes: torch.Tensor | None) -> Iterator[None]:
        """Give the codes of the prompt to every call inside, for ``generate()``.

        A call is matched to the prompt by its past length, so that cached steps take no slot, and
        by its number of rows, so that beams and samples share their prompt's slots.
        """
        self._given, before = codes, self._given
        self._outermost = None  # an interrupted call may have left it
        try:
            yield
        finally:
            self._given = before

    def _begin(
        self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self._outermost not in (None, module):
            return args, kwargs
        self._outermost = module
        if kwargs.get(ENTITIES) is None:
            args, kwargs = without_marks(args, kwargs)
        codes = whole = kwargs.pop(ENTITIES, None)
        tokens = kwargs.get("input_ids", args[0] if args else None)
        tokens = kwargs.get("inputs_embeds") if tokens is None else tokens
        if codes is None and self._given is not None and tokens is not None:
            whole = _repeated(self._given, tokens)
            codes = None if whole is None else _columns_of(whole, tokens, kwargs)
        if tokens is not None:
            self._locate(codes, whole, _mask_of(tokens, kwargs))
        return args, kwargs

    @contextmanager
    def at_work(self, codes: torch.Tensor | None, mask: torch.Tensor) -> Iterator[None]:
        """Let entities be at work in calls of modules of the host that do not begin at its root.

        Args:
            codes: as a batch of the host has them; None for no entity.
            mask: shape (batch, tokens), 0 at padding.
        """
        self._locate(codes, codes, mask)
        try:
            yield
        finally:
            self._locate(None)

    def entities(self, name: str) -> Entities | None:
        """Return a member's entities in the present forward pass."""
        return self._working.get(self._sources[name])

    def _locate(
        self,
        codes: torch.Tensor | None,
        whole: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> None:
        self._working.clear()
        self._pending.clear()
        if mask is None:
            return
        working = {name: at for name, at in self._sources.items() if name not in self.disabled}
        if len(working) < self._given_out and whole is not None:
            self._refuse_idle(whole, set(working.values()))
        for name, source in working.items():
            member = self.members[name]
            found = whole if member.injector.whole_text else codes
            if found is None:
                if not member.injector.acts_always:
                    continue
                found = torch.full((1, 1), -1, device=mask.device)
            own = found - source * STRIDE
            where = ((own >= 0) & (own < STRIDE)).nonzero(as_tuple=True)
            if len(where[0]) or member.injector.acts_always:
                rows = own[where]
                member.to(mask.device)
                self._working[source] = PositionedEntities(member.table, where, rows, mask)
                if self._handles[name] and len(where[0]):
                    self._pending.add(source)

    def _refuse_idle(self, codes: torch.Tensor, working: set[int]) -> None:
        sources = set((codes[codes >= 0] // STRIDE).tolist())
        if idle := sources - working:
            names = [repr(name) for name, source in self._sources.items() if source in idle]
            raise KpError(
                "KP776",
                "the batch holds entities of "
                + (f"{', '.join(names)}, which is disabled" if names else "a detached plugin"),
                "enable it, or encode the texts again: they then are what the bare host gets",
            )

    def on_logits(self, logits: torch.Tensor, codes: torch.Tensor | None) -> torch.Tensor:
        """Return logits of the bare host as members that act on nothing else change them."""
        if codes is not None:
            self._locate(codes, codes, torch.ones_like(codes))
        for source, callback in self._on_logits:
            if entities := self._working.get(source):
                logits = callback(logits, entities)
        self._locate(None)
        return logits

    def _end(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        if self._outermost is not module:
            return
        self._outermost = None
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
            change = self._changing(source, callback)
            return None if change is None else replace_output(output, key, change)

        # The root's own closing hook must come last, so a hook on the root goes before it.
        first = module is self.model
        self._handles[name].append(module.register_forward_hook(uncompiled(act), prepend=first))

    def hook_before(self, name: str, module: torch.nn.Module, callback: Callback) -> None:
        """Pass what a module of a layer gets through an injector's callback."""
        self._sites[name].add("layer")
        source = self._sources[name]

        def change(tensor: torch.Tensor) -> torch.Tensor | None:
            own = self._changing(source, callback)
            return None if own is None else own(tensor)

        handle = module.register_forward_pre_hook(uncompiled(before(change)), with_kwargs=True)
        self._handles[name].append(handle)

    def hook_attention(self, name: str, module: torch.nn.Module, make: KeysValues) -> None:
        """Let an attention module attend to an injector's keys and values as well."""
        self._sites[name].add("layer")
        source = self._sources[name]

        def found() -> Entities | None:
            self._pending.discard(source)
            return self._working.get(source)

        self._handles[name] += attention.hooks(module, make, found)

    def _changing(
        self, source: int, callback: Callback
    ) -> Callable[[torch.Tensor], torch.Tensor] | None:
        """Return what a source's callback does in this forward pass; None if nothing."""
        entities = self._working.get(source)
        if entities is None:
            return None
        self._pending.discard(source)
        return lambda tensor: callback(tensor, entities)


def uncompiled(hook: Callable[..., Any]) -> Any:
    """Return a hook that ``torch.compile`` leaves as it is: what it does differs by batch."""
    return torch.compiler.disable(hook)  # type: ignore[no-untyped-call]


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


def _repeated(codes: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor | None:
    """Return the prompt's codes for each row of a call: beams and samples share them."""
    if tokens.shape[0] % codes.shape[0]:
        return None
    return codes.to(tokens.device).repeat_interleave(tokens.shape[0] // codes.shape[0], dim=0)


def _columns_of(
    codes: torch.Tensor, tokens: torch.Tensor, kwargs: Mapping[str, Any]
) -> torch.Tensor | None:
    past = kwargs.get("past_key_values")
    start = int(past.get_seq_length()) if past is not None else 0
    if start >= codes.shape[1]:
        return None
    codes = codes[:, start : start + tokens.shape[1]]
    return torch.nn.functional.pad(codes, (0, tokens.shape[1] - codes.shape[1]), value=-1)


def _mask_of(tokens: torch.Tensor, kwargs: Mapping[str, Any]) -> torch.Tensor:
    """Return the mask of the tokens of a call, which are the last that an attention mask is of."""
    mask = kwargs.get("attention_mask")
    if isinstance(mask, torch.Tensor) and mask.dim() == 2:
        return mask[:, -tokens.shape[1] :]
    return torch.ones(tokens.shape[:2], dtype=torch.long, device=tokens.device)
