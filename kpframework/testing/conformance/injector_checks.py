"""What an injector promises of the host, of its rows, and of what it trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import torch

from kpframework.api.context import Context
from kpframework.api.injector import Injector, Stage
from kpframework.api.text import Edit, Insertion, Slot
from kpframework.inject.freezing import fingerprint
from kpframework.inject.knowledge import plain
from kpframework.inject.plug import load_state, plug, save_module
from kpframework.testing.conformance.injector_fit import fit
from kpframework.testing.conformance.injector_rig import (
    MAX_LENGTH,
    Rig,
    hosts,
    linked_row,
    plain_row,
    refusals,
    unknown_row,
    without_entities,
)
from kpframework.testing.conformance.model import check, ensure, where
from kpframework.testing.conformance.subject import Subject
from kpframework.testing.conformance.watch import is_pickle
from kpframework.testing.conformance.world import entity_table
from kpframework.testing.injectors import SlotInjector
from kpframework.testing.knowledge import TEXTS

DECLARED = ("trains_host", "makes_entities", "kb_update", "needs_entities", "needs_kb")


def work(subject: Subject) -> dict[str, Any]:
    """Train it as its options say, and let a host answer with it."""
    own = fit(subject)
    answers = {}
    for architecture in hosts(subject):
        rig = Rig(subject, architecture)
        answers[architecture] = rig.logits(rig.batch([linked_row(), plain_row()]))
    return {**own, "answers": answers}


def _frozen(subject: Subject) -> bool:
    return not getattr(subject.target, "trains_host", False)


def _acts(subject: Subject) -> bool:
    return subject.declares.get("site") != "none"


def _uses_vectors(subject: Subject) -> bool:
    return bool(subject.target.needs_entities or subject.target.makes_entities)


@contextmanager
def _each(subject: Subject) -> Iterator[Iterator[Rig]]:
    """Yield the rigs of the hosts it fits, after seeing that it works at all."""
    subject.result()
    yield (Rig(subject, architecture) for architecture in hosts(subject))


@check("injector")
def works_on_a_tiny_host(subject: Subject) -> None:
    """It fits an encoder or a decoder of the kit, or says by an error why not."""
    refused = refusals(subject)
    ensure(bool(subject.memo("hosts", list)[0]), f"no host fits: {'; '.join(refused)}")


@check("injector")
def declarations_are_true(subject: Subject) -> None:
    """What the component declares is what its class says, and its stage is one there is."""
    ensure(issubclass(subject.target, Injector), "its class derives no Injector")
    for name in DECLARED:
        # What is not declared is taken to be as with most.
        declared = subject.declares.get(name, getattr(Injector, name))
        own = getattr(subject.target, name)
        ensure(declared == own, f"declared {name} = {declared!r}, the class has {own!r}")
    injector = subject.create()
    ensure(injector.stage in get_args(Stage), f"its stage is {injector.stage!r}")
    if injector.trains_host:
        ensure(injector.stage == "task", "it trains its host, but its stage is not 'task'")
    if injector.stage == "general":
        ensure(bool(injector.corpus), "its stage is 'general', but it reads no corpus")
    if injector.acts_always:
        ensure(injector.trains_host, "acts_always is for an injector that trains its host")


@check("injector", when=_frozen)
def host_unchanged(subject: Subject) -> None:
    """Attached, answering and training leave every weight of the host as it was."""
    own = subject.result()
    same = own["before"]["fingerprint"] == own["after"]["fingerprint"]
    ensure(same, "training changed the host's weights")
    for architecture in hosts(subject):
        rig = Rig(subject, architecture, attach=False)
        before = fingerprint(rig.model)
        rig.attach()
        rig.logits(rig.batch([linked_row()]))
        ensure(fingerprint(rig.model) == before, f"{architecture}: its weights are changed")


@check("injector", when=_frozen)
def no_gradient_reaches_the_host(subject: Subject) -> None:
    """After training no parameter of the host has a gradient, requires one, or trains."""
    after = subject.result()["after"]
    for what in ("gradients", "trainable", "training"):
        ensure(not after[what], f"{what}: {', '.join(after[what][:3])}")


@check("injector")
def detach_restores_the_host(subject: Subject) -> None:
    """Detached, the host has no hook, attribute or mode left, and answers to the bit as before."""
    subject.result()
    for architecture in hosts(subject):
        with where(architecture):
            rig = Rig(subject, architecture, attach=False)
            plain_inputs = rig.inputs([plain(plain_row()[0])])
            bare, shape = rig.logits(plain_inputs), _shape(rig.model)
            rig.attach()
            rig.logits(rig.batch([linked_row(), plain_row()]))
            rig.detach()
            ensure(torch.equal(rig.logits(plain_inputs), bare), "it answers otherwise")
            left = [name for name, own in _shape(rig.model).items() if own != shape.get(name)]
            ensure(not left, f"these modules are changed: {', '.join(repr(n) for n in left[:3])}")


def _shape(model: torch.nn.Module) -> dict[str, Any]:
    """Return what of modules is not their weights: class, hooks, attributes, mode."""
    return {
        name: (
            type(module),
            len(module._forward_hooks),
            len(module._forward_pre_hooks),
            sorted(module.__dict__),
            sorted(key for key, own in module._parameters.items() if own is not None),
            sorted(module._modules),
            module.training,
            "forward" in module.__dict__,
        )
        for name, module in model.named_modules()
    }


@check("injector", when=_frozen)
def texts_without_mentions_are_unchanged(subject: Subject) -> None:
    """A text without a mention is the host's own input, and is answered to the bit as if bare."""
    subject.result()
    for architecture in hosts(subject):
        with where(architecture):
            rig = Rig(subject, architecture, attach=False)
            bare = rig.inputs([plain(plain_row()[0])])
            answer = rig.logits(bare)
            knowledge = rig.attach()
            inputs = rig.inputs([knowledge.edit(plain_row()[0], [])])
            same = torch.equal(inputs["input_ids"], bare["input_ids"])
            ensure(same, "its input is another")
            ensure(torch.equal(rig.logits(inputs), answer), "its answer is another")


@check("injector", when=_frozen)
def rows_without_mentions_are_unchanged_beside_linked_ones(subject: Subject) -> None:
    """In a batch, a row without a mention is answered to the bit as by the bare host."""
    with _each(subject) as rigs:
        for rig in rigs:
            inputs = rig.batch([linked_row(), plain_row(), linked_row("E7", TEXTS[1])])
            mixed = rig.logits(inputs)
            rig.detach()
            bare = rig.logits(without_entities(inputs))
            ensure(torch.equal(mixed[1], bare[1]), "the row in the middle is answered otherwise")


@check("injector")
def rows_of_a_batch_are_answered_alone(subject: Subject) -> None:
    """A row's answer does not depend on the entities of the rows beside it."""
    with _each(subject) as rigs:
        for rig in rigs:
            row = linked_row()
            one = rig.logits(rig.batch([row, linked_row("E9")]))[0]
            for beside in (linked_row("E12"), row, plain_row()):
                other = rig.logits(rig.batch([row, beside]))[0]
                length = min(len(one), len(other))
                close = torch.allclose(one[:length], other[:length], atol=2e-5, rtol=1e-4)
                ensure(close or one.dim() > 1, "another row beside it changes the answer")


@check("injector", when=_acts)
def knowledge_changes_the_answer(subject: Subject) -> None:
    """With opened parameters, a linked mention changes the answer."""
    with _each(subject) as rigs:
        for rig in rigs:
            linked = rig.logits(rig.batch([linked_row()]))
            rig.detach()
            bare = rig.logits(rig.inputs([plain(linked_row()[0])]))
            changed = linked.shape != bare.shape or not torch.equal(linked, bare)
            ensure(changed, "a linked mention changes nothing")


@check("injector")
def answers_are_repeatable(subject: Subject) -> None:
    """The same batch is answered to the bit alike a second time."""
    with _each(subject) as rigs:
        for rig in rigs:
            inputs = rig.batch([linked_row(), plain_row()])
            same = torch.equal(rig.logits(inputs), rig.logits(inputs))
            ensure(same, "the second answer is another")


@check("injector")
def out_of_kb_mentions_change_nothing(subject: Subject) -> None:
    """A mention whose entity is unknown gets no edit and changes no answer."""
    with _each(subject) as rigs:
        for rig in rigs:
            segment, known, unknown = unknown_row()
            alone = type(segment)(segment.text, (known,))
            mentions = [unknown, known] if _uses_vectors(subject) else [known]
            one, other = rig.batch([(segment, mentions)]), rig.batch([(alone, [known])])
            same = one["input_ids"].tolist() == other["input_ids"].tolist()
            ensure(same, "the unknown mention changes the input")
            ensure(torch.equal(rig.logits(one), rig.logits(other)), "it changes the answer")


@check("injector")
def edits_lie_in_the_text(subject: Subject) -> None:
    """Edits lie in the text, and give slots to the mentions' own entities alone."""
    with _each(subject) as rigs:
        for rig in rigs:
            segment, known, _ = unknown_row()
            assert rig.knowledge is not None
            for own in ((segment, [known]), linked_row("E5", TEXTS[1])):
                edits = rig.knowledge.injector.edits(own[0], list(own[1]))
                entities = {mention.entity for mention in own[1]}
                for edit in edits:
                    _edit(edit, len(own[0].text), entities)


def _edit(edit: Any, length: int, entities: set[str]) -> None:
    ensure(isinstance(edit, Edit), f"{edit!r} is no edit")
    start = edit.at if isinstance(edit, Insertion) else edit.start
    end = start if isinstance(edit, Insertion) else edit.end
    ensure(0 <= start <= end <= length, f"{edit} lies outside of {length} characters")
    named = {piece.entity for piece in getattr(edit, "pieces", ()) if isinstance(piece, Slot)}
    named |= {edit.entity} if hasattr(edit, "entity") else set()
    ensure(named <= entities, f"{edit} names an entity that no mention has")


@check("injector")
def long_texts_are_cut(subject: Subject) -> None:
    """A text longer than the limit is answered, and no input is longer than the limit."""
    with _each(subject) as rigs:
        for rig in rigs:
            row = linked_row("E3", "word " * 60 + TEXTS[0] + " word" * 60)
            inputs = rig.batch([row])
            length = inputs["input_ids"].shape[1]
            ensure(length <= MAX_LENGTH, f"{length} tokens with a limit of {MAX_LENGTH}")
            ensure(bool(torch.isfinite(rig.logits(inputs)).all()), "the answer is not finite")


@check("injector")
def save_and_load_are_bit_equal(subject: Subject) -> None:
    """What was trained and saved, loaded into a new instance, answers to the bit alike."""
    subject.result()
    for architecture in hosts(subject):
        with where(architecture):
            rig = Rig(subject, architecture)
            assert rig.knowledge is not None
            folder = subject.world.new_scratch()
            save_module(rig.knowledge.module, folder)
            again = Rig(subject, architecture, load_state(folder), seed=1)
            rows = [linked_row(), plain_row(), linked_row("E7", TEXTS[1])]
            same = torch.equal(rig.logits(rig.batch(rows)), again.logits(again.batch(rows)))
            ensure(same, "something that decides the answer is not in the saved tensors")


@check("injector")
def artifact_is_tensors(subject: Subject) -> None:
    """Everything that training leaves is finite tensors; no file of it is a pickle."""
    own = subject.result()
    for name, tensor in own["state"].items():
        finite = isinstance(tensor, torch.Tensor) and bool(torch.isfinite(tensor).all())
        ensure(finite, f"{name} is not finite, or no tensor")
    folder = subject.world.scratch
    found = [p.name for p in folder.rglob("*") if p.is_file() and is_pickle(p)]
    ensure(not found, f"{', '.join(found)} are pickles")


@check("injector", when=_frozen)
def leaves_other_plugins_alone(subject: Subject) -> None:
    """Rows of another knowledge plugin on the same host are answered as without this one."""
    with _each(subject) as rigs:
        for rig in rigs:
            other = plug(rig.attachment, "other", SlotInjector(None, Context()), entity_table())
            row = linked_row("E5")
            edited = other.edit(row[0], row[1], rig.attachment.source("other"))
            inputs = rig.inputs([edited, plain(plain_row()[0])])
            both = rig.logits(inputs)
            rig.detach()
            ensure(torch.equal(rig.logits(inputs), both), "the other plugin's row is changed")
