"""E-BERT: the map, what it is fitted on, and where the mapped vectors stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kp_plugin_e_bert.alignment import Alignment
from kpframework import KpError
from kpframework.api import (
    Edit,
    EntitySpace,
    HostHandle,
    Injector,
    KnowledgeBase,
    Mention,
    Segment,
    Stage,
    TrainingSession,
    VectorRows,
    literal_ids,
    read_vectors,
    slot_edit,
)

_BATCH = 4096

Pairs = Iterator[tuple[Any, torch.Tensor]]


class _Map(torch.nn.Module):
    def __init__(self, source: EntitySpace, width: int, keeps_lengths: bool) -> None:
        super().__init__()
        self.register_buffer("rms", torch.tensor(1.0 if keeps_lengths else source.rms))
        self.map = torch.nn.Linear(source.dim, width, bias=False)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.map(vectors / self.rms)  # type: ignore[no-any-return]


class EBert(Injector):
    """Poerner et al., Findings of EMNLP 2020: section 3.1 (the map), 3.2 (concat, replace)."""

    kb_update = "refit"
    needs_kb = True

    @property
    def stage(self) -> Stage:
        """The backbone's word embeddings, and the entity vectors."""
        return "backbone"

    def prepare(self, kb: KnowledgeBase) -> None:
        """Keep the knowledge base, whose names the map may be fitted on."""
        self._kb = kb

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        """Return a slot for each mention, in the layout of the options."""
        return [slot_edit(mention, self.config.layout) for mention in mentions]

    def build(self, source: EntitySpace, host: HostHandle) -> torch.nn.Module:
        """Return the map, not yet fitted."""
        return _Map(source, host.width, keeps_lengths=self.config.method == "procrustes")

    def patch(self, host: HostHandle, module: torch.nn.Module | None) -> None:
        """Overwrite the slots' word embeddings by mapped entity vectors."""
        assert module is not None
        host.input_embeddings(lambda output, entities: entities.overwrite(output, module))

    def fit(self, session: TrainingSession) -> None:
        """Solve for the map.

        Raises:
            KpError: KP460, there are no pairs; KP461, the word vectors cannot be read.
        """
        module: Any = session.module
        weight = module.map.weight
        words = self.config.words
        pairs = (
            self._names(session) if words is None else _words(session, Path(words), weight.shape[1])
        )
        alignment = Alignment(weight.shape[1], weight.shape[0])
        rms = float(module.rms)
        for x, y in pairs:
            alignment.add(np.asarray(x, np.float64) / rms, y.double().cpu().numpy())
        if not alignment.count:
            raise KpError(
                "KP460",
                "there is no pair to fit the map on: "
                + ("no entity with a vector has a name" if words is None else "no shared word"),
                "give the knowledge base labels, or word vectors of the host's language",
            )
        procrustes = self.config.method == "procrustes"
        solution = alignment.procrustes() if procrustes else alignment.least_squares()
        with torch.no_grad():
            weight.copy_(torch.from_numpy(solution.T))
        session.note("pairs", alignment.count)
        session.note("explained variance", alignment.explained(solution))

    def _names(self, session: TrainingSession) -> Pairs:
        """Yield entity vectors with the mean word embedding of each entity's name."""
        ids, vectors = session.entities()
        names = {entity: name for entity, name in self._first_names() if name.strip()}
        kept = [row for row, entity in enumerate(ids) if entity in names]
        table = _word_embeddings(session)
        for start in range(0, len(kept), _BATCH):
            rows = kept[start : start + _BATCH]
            texts = [names[ids[row]] for row in rows]
            pieces = _inside_a_text(session.tokenizer, texts)
            full = [i for i, own in enumerate(pieces) if own]
            flat = torch.tensor([piece for i in full for piece in pieces[i]], device=table.device)
            sizes = torch.tensor([len(pieces[i]) for i in full])
            starts = (sizes.cumsum(0) - sizes).to(table.device)
            means = torch.nn.functional.embedding_bag(flat, table, starts, mode="mean")
            yield vectors[[rows[i] for i in full]], means

    def _first_names(self) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        for name, entity, _ in self._kb.names():
            if entity not in seen:
                seen.add(entity)
                yield entity, name


def _words(session: TrainingSession, path: Path, width: int) -> Pairs:
    """Yield the vectors of words that are one piece of the host's vocabulary, with that piece's."""
    table = _word_embeddings(session)
    for words in read_vectors(path, "KP461", _BATCH):
        pieces = _inside_a_text(session.tokenizer, words.ids)
        single = [i for i, own in enumerate(pieces) if len(own) == 1]
        known = [i for i in single if pieces[i][0] != session.tokenizer.unk_token_id]
        ids = torch.tensor([pieces[i][0] for i in known], dtype=torch.long)
        if known:
            yield _vectors(words, np.array(known), width), table[ids.to(table.device)]


def _inside_a_text(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Return what `literal_ids` does of each text, whose slot stands behind a space as a rule."""
    lead, *found = tokenizer(["a", *(f"a {text}" for text in texts)], add_special_tokens=False)[
        "input_ids"
    ]
    special = tokenizer.all_special_tokens
    return [
        own[len(lead) :]
        if own[: len(lead)] == lead and not any(token in text for token in special)
        else literal_ids(tokenizer, text)
        for text, own in zip(texts, found, strict=True)
    ]


def _vectors(
    words: VectorRows, rows: npt.NDArray[np.int64], width: int
) -> npt.NDArray[np.floating]:
    vectors = words.read(rows)
    if vectors.shape[1] != width:
        raise KpError(
            "KP461",
            f"a word's vector has {vectors.shape[1]} numbers, an entity's {width}",
            "give the word vectors of the entity vectors' own space",
            words.where(int(rows[0])),
        )
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        row = int(rows[int(np.argmin(finite))])
        raise KpError(
            "KP461",
            f"the vector of {words.ids[row]!r} has a value that is not finite",
            "take the word out of the file",
            words.where(row),
        )
    return vectors


def _word_embeddings(session: TrainingSession) -> torch.Tensor:
    model: Any = session.host.model
    weight: torch.Tensor = model.get_input_embeddings().weight.detach().float()
    return weight
