"""An injector on a tiny host: batches of rows with and without knowledge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from kpframework.api.embeddings import EmbeddingTable
from kpframework.api.text import Mention, Segment
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import ENTITIES, Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder
from kpframework.inject.freezing import freeze
from kpframework.inject.knowledge import Knowledge, plain
from kpframework.inject.plug import plug
from kpframework.kb.table import EntityTable, write_table
from kpframework.testing.conformance.injector_fit import fit
from kpframework.testing.conformance.model import Blocked
from kpframework.testing.conformance.subject import Subject
from kpframework.testing.conformance.world import (
    entity_table,
    fresh_model,
    knowledge_base,
    tokenizer,
)
from kpframework.testing.knowledge import TEXTS, mentioning
from kpframework.testing.project import UNKNOWN, entity_name

CLASSIFIERS = ("bert-classifier", "gpt2-classifier")
LANGUAGE_MODELS = ("bert-masked-lm", "gpt2-lm")
REFUSALS = ("KP716", "KP719", "KP463")
"""Codes by which an injector refuses a host or a shape it does not fit."""
MAX_LENGTH = 64
Row = tuple[Segment, Sequence[Mention]]


class Rig:
    """A host with the injector attached; its parameters are opened, so that knowledge acts.

    Args:
        subject: the component.
        architecture: of the host.
        state: tensors that fill the module; None opens new ones.
        seed: of the module.
        attach: whether the injector is attached at once.
    """

    def __init__(
        self,
        subject: Subject,
        architecture: str,
        state: Mapping[str, torch.Tensor] | None = None,
        seed: int = 0,
        attach: bool = True,
    ) -> None:
        self.subject = subject
        self.tokenizer = tokenizer(architecture)
        self.model = freeze(fresh_model(architecture))
        self.attachment = Attachment(self.model)
        self.encoder = InputEncoder(self.tokenizer, MAX_LENGTH)
        self.knowledge: Knowledge | None = None
        self._state, self._seed = state, seed
        if attach:
            self.attach()

    def attach(self) -> Knowledge:
        """Build the module and attach the injector."""
        injector = self.subject.create(self._seed)
        if injector.needs_kb:
            injector.prepare(knowledge_base())
        table = entity_table() if injector.needs_entities else None
        if injector.makes_entities:
            table = made_table(self.subject)
        self.knowledge = plug(self.attachment, "own", injector, table, self._state, seed=self._seed)
        if self._state is None and self.knowledge.module is not None:
            open_up(self.knowledge.module)
        return self.knowledge

    def detach(self) -> None:
        """Take the injector off."""
        self.attachment.remove("own")

    def batch(self, rows: Sequence[Row], max_length: int = MAX_LENGTH) -> dict[str, torch.Tensor]:
        """Return the padded inputs of rows with the injector's edits; without, those it has not."""
        assert self.knowledge is not None
        own = [self.knowledge.edit(s, mentions) if mentions else plain(s) for s, mentions in rows]
        return self.inputs(own, max_length)

    def inputs(
        self, rows: Sequence[EditedSegment], max_length: int = MAX_LENGTH
    ) -> dict[str, torch.Tensor]:
        """Return the padded inputs of edited rows."""
        encoder = InputEncoder(self.tokenizer, max_length)
        members = self.attachment.members.values()
        collate = Collator(self.tokenizer, encoder.special.pad_id, [own.rows for own in members])
        return collate(encoder.encode([[own] for own in rows])).inputs

    def logits(self, inputs: Mapping[str, Any]) -> torch.Tensor:
        """Return what the host answers."""
        with torch.no_grad():
            found: torch.Tensor = self.model(**inputs).logits
        return found


def made_table(subject: Subject) -> EntityTable:
    """Return the entity vectors that an injector makes when it is trained."""

    def make() -> EntityTable:
        ids, vectors = fit(subject)["made"]
        folder = subject.world.new_scratch()
        return write_table(folder, EmbeddingTable(ids, vectors))

    return subject.memo("made table", make)


def open_up(module: torch.nn.Module) -> None:
    """Move every parameter off its start, where gates are often closed."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(0.3 * noise.to(parameter.dtype))


def without_entities(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same inputs as a bare host takes them."""
    return {name: tensor for name, tensor in inputs.items() if name != ENTITIES}


def hosts(subject: Subject) -> list[str]:
    """Return the architectures the injector fits.

    Raises:
        Blocked: it fits none, which `works_on_a_tiny_host` tells.
    """
    found = subject.memo("hosts", lambda: _hosts(subject))[0]
    if not found:
        raise Blocked("it fits none of the tiny hosts")
    return found


def refusals(subject: Subject) -> list[str]:
    """Return what hosts that it does not fit were refused with."""
    return subject.memo("hosts", lambda: _hosts(subject))[1]


def _hosts(subject: Subject) -> tuple[list[str], list[str]]:
    heads = subject.declares.get("heads", ["sequence-classification"])
    wanted = CLASSIFIERS if "sequence-classification" in heads else LANGUAGE_MODELS
    subject.create()  # blocked where the options are refused
    found, reasons = [], []
    for architecture in wanted:
        model = fresh_model(architecture).config.to_dict()
        config = subject.bound.config
        wrong = [text for _, text, _ in config.misfits(model)]
        if not wrong:
            try:
                Rig(subject, architecture)
            except KpError as error:
                if error.code not in REFUSALS:
                    raise
                wrong = [error.problems[0].message]
        reasons += wrong
        if not wrong:
            found.append(architecture)
    return found, reasons


def linked_row(entity: str = "E3", text: str = TEXTS[0], role: str = "mention") -> Row:
    """Return a text with a linked mention."""
    segment = mentioning(text, entity, role)
    return segment, segment.mentions


def plain_row() -> Row:
    """Return a text without a mention."""
    return Segment("Jean was born in Paris, 1967, and lives there."), ()


def unknown_row() -> tuple[Segment, Mention, Mention]:
    """Return a text with a known and an unknown entity's mention."""
    name = entity_name(3)
    text = f"A nervous man has {name} and long fingers."
    known = Mention(text.index(name), text.index(name) + len(name), "E3", role="mention")
    unknown = Mention(2, 9, UNKNOWN, role="mention")
    return Segment(text, (unknown, known)), known, unknown
