"""Injectors: how knowledge enters the host.

An injector has two halves. The *input edit* happens when data are encoded: which slots, text or
anchors each linked mention gets. The *host patch* happens when the model runs: callbacks on the
host's own modules. Either may be empty.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from typing import Literal as OneOf

from kpframework.api.context import Context
from kpframework.api.corpus import CorpusLoss, Corruption, Keep, Masking

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from kpframework.api.config import TrainConfig
    from kpframework.api.kb import KnowledgeBase
    from kpframework.api.text import Edit, Mention, Segment


class Entities(Protocol):
    """The entities at work in one forward pass: where they sit, and their vectors, each once."""

    @property
    def vectors(self) -> torch.Tensor:
        """Shape (unique, dim): the table's rows of the entities that occur, each once."""

    @property
    def inverse(self) -> torch.Tensor:
        """Shape (positions,): for each position its row in `vectors`."""

    @property
    def rows(self) -> torch.Tensor:
        """Shape (positions,): row in the batch of each position."""

    @property
    def columns(self) -> torch.Tensor:
        """Shape (positions,): token position of each position."""

    @property
    def mask(self) -> torch.Tensor:
        """Shape (batch, tokens): 1 for a token, 0 for padding."""

    @property
    def memo(self) -> dict[str, Any]:
        """What an injector's callbacks keep for its later ones, in this forward pass alone."""

    def overwrite(self, hidden: torch.Tensor, module: torch.nn.Module) -> torch.Tensor:
        """Return ``hidden`` (batch, tokens, width) with ``module(vectors)`` at the positions."""

    def add(self, hidden: torch.Tensor, module: torch.nn.Module) -> torch.Tensor:
        """Return ``hidden`` with ``module(vectors)`` added at the positions."""


Stage = OneOf["none", "backbone", "general", "task"]
"""What training needs: nothing; the backbone's word embeddings and the entity vectors; a linked
corpus and a language model; or a task with its host."""

Callback = Callable[["torch.Tensor", Entities], "torch.Tensor"]
KeysValues = Callable[[Entities], "tuple[torch.Tensor, torch.Tensor]"]
"""Returns a key and a value for each of the unique entities: two tensors of shape (unique, heads,
head width), see `HostHandle.attention_shape`."""


@dataclass(frozen=True)
class EntitySpace:
    """The space entity vectors live in."""

    dim: int
    """Width of a vector; 0 where the injector uses none."""
    rms: float
    """Root mean square of the components of all vectors."""


class HostHandle(Protocol):
    """The host as an injector may touch it.

    Callbacks run only when a batch holds an entity, unless the injector says `acts_always`.
    """

    @property
    def model(self) -> torch.nn.Module:
        """The transformers (or peft) model; do not modify it."""

    @property
    def width(self) -> int:
        """Width of the input embeddings."""

    @property
    def embedding_rms(self) -> float:
        """Root mean square of the components of the host's word embeddings."""

    @property
    def outputs(self) -> int:
        """Number of outputs of a classification head; 0 where there is none."""

    @property
    def layers(self) -> int:
        """How many transformer layers there are."""

    @property
    def causal(self) -> bool:
        """Whether a token attends to those before it alone."""

    def feed_forward_width(self, index: int) -> int:
        """Return the width inside the feed-forward block of layer ``index``."""

    def attention_shape(self, index: int) -> tuple[int, int]:
        """Return (heads, head width) of the keys and values of layer ``index``."""

    def input_embeddings(self, callback: Callback) -> None:
        """Pass the output of the host's own embedding module through the callback."""

    def layer(self, index: int, callback: Callback) -> None:
        """Pass the hidden states after layer ``index`` (negative: from the end) through it."""

    def hidden_state(self, index: int, callback: Callback) -> None:
        """Pass hidden states through it, numbered as transformers' ``hidden_states`` are.

        0 is what the first layer gets, i what comes out of layer i - 1 (for the last, before the
        final norm that some hosts have); negative counts from the end.
        """

    def feed_forward(self, index: int, before: Callback, after: Callback | None = None) -> None:
        """Pass the inside of layer ``index``'s feed-forward block through callbacks.

        ``before`` gets it before the activation function, ``after`` after it, both of shape
        (batch, tokens, `feed_forward_width`).

        Raises:
            KpError: KP719, the block is gated, or not two linear maps that shapes tell.
        """

    def attention(self, index: int, make: KeysValues) -> None:
        """Let the tokens of layer ``index`` attend to their text's entities as well.

        The keys and values that ``make`` returns stand beside the tokens' own, in one softmax,
        without a position: (unique, heads, head width) each, see `attention_shape`.

        Raises:
            KpError: KP719, the layer's attention does not go through transformers' interface.
        """

    def logits(self, callback: Callback) -> None:
        """Pass the model's logits through the callback."""


class TrainingSession(Protocol):
    """What an injector's `fit` is given: data, loops, and a host that stays frozen."""

    @property
    def module(self) -> torch.nn.Module:
        """The injector's trainable module, on its device; modify it in place."""

    @property
    def seed(self) -> int:
        """Seed of this row."""

    @property
    def host(self) -> HostHandle:
        """The host the module is attached to."""

    @property
    def tokenizer(self) -> Any:
        """The host's fast tokenizer; read it, do not change it."""

    def entities(self) -> tuple[Sequence[str], npt.NDArray[np.float32]]:
        """Return every entity that has a vector, and the vectors, shape (entities, dim)."""

    def mention_states(self, limit: int) -> Iterator[tuple[Sequence[str], npt.NDArray[np.float32]]]:
        """Yield what the language model makes of masked mentions of the linked corpus.

        Each linked mention's whole span becomes one mask token; its state is the input of the
        language model's last layer (the decoder) there, shape (mentions, width).

        Args:
            limit: most mentions of an entity, drawn by the row's seed.

        Yields:
            The entities of a batch of mentions, and their states.
        """

    def put_entities(self, ids: Sequence[str], vectors: npt.NDArray[np.float32]) -> None:
        """Give the entity vectors that the injector made: shape (entities, any width)."""

    def note(self, name: str, value: float) -> None:
        """Write a figure of the fit into the run's record."""

    def task(self, config: TrainConfig, dropout: float | None = None) -> None:
        """Train the module by the task's loss, the epoch chosen on dev as ``config.select`` says.

        Args:
            config: the loop's options.
            dropout: the host's dropout while training; None puts the host in evaluation mode.
        """

    def adapt_host(self) -> None:
        """Adapt a new host from the backbone, as the spec's host says, with the module attached.

        Trained are what the adaptation trains and what of the module requires a gradient; only for
        an injector that declares `trains_host`.
        """

    def mention_masked_lm(self, config: TrainConfig, dropout: float | None = None) -> None:
        """Train the module by the mention-masked language model on the linked corpus.

        Zhang et al. 2023, section 3.2: for every non-empty subset of a sentence's (at most two)
        linked mentions, its tokens become the mask token and the loss is the language model's
        cross-entropy there and nowhere else.
        """

    def corpus_objective(
        self,
        config: TrainConfig,
        loss: CorpusLoss,
        *,
        masking: Masking = "none",
        corruption: Corruption | None = None,
        heads: torch.nn.Module | None = None,
        keep: Keep | None = None,
        max_length: int | None = None,
        dropout: float | None = None,
        train_host: bool = False,
    ) -> None:
        """Train by an objective of the injector's own on the linked corpus.

        Each passage is an item (with ``masking="mentions"``, one for each of its mask variants);
        one that is too long is left out, and so is one without a usable mention.

        Args:
            config: the loop's options.
            loss: of a batch, from the host's hidden states and the entities.
            masking: what is hidden from the host; a language model's loss on it comes with the
                batch.
            corruption: how marks are falsified before the host sees them; None leaves them.
            heads: modules that are trained beside the injector's own and not kept.
            keep: which passages are read, by their usable mentions; None reads all.
            max_length: longest item in tokens; None is `Injector.corpus_length`.
            dropout: the frozen host's dropout; None puts it in evaluation mode.
            train_host: train what the spec's adaptation trains as well, with the host's own
                dropout; only for an injector that declares `trains_host`. A language model's head
                is trained with it, and not kept.

        Raises:
            KpError: KP741, no passage is left; KP703, tokens are to be masked and the tokenizer
                has no mask token.
        """


class Injector(ABC):
    """A knowledge injection method."""

    trains_host: ClassVar[bool] = False
    """Whether the host's own weights change; such a row is marked as not plug-and-play.

    Its `stage` is ``task``, and `fit` calls `TrainingSession.adapt_host`.
    """
    makes_entities: ClassVar[bool] = False
    """Whether `fit` makes the entity vectors itself (`TrainingSession.put_entities`); its
    `needs_entities` is False."""
    kb_update: ClassVar[OneOf["free", "refit", "retrain", "none"]] = "free"
    """What a changed knowledge base costs after training."""
    needs_entities: ClassVar[bool] = True
    """Whether entity vectors are used. Without them an `Anchor` still marks its token; `Entities`
    then has no `vectors`."""
    acts_always: ClassVar[bool] = False
    """Whether callbacks run for batches without an entity too; only with `trains_host`, since a
    frozen host must answer such texts as if bare."""
    whole_text: ClassVar[bool] = False
    """Whether entities are at work in every step of ``generate()``, not only where their own
    positions are computed. `Entities.columns` then count from the start of the prompt."""
    needs_kb: ClassVar[bool] = False
    """Whether the knowledge base itself is read: names, descriptions, triples; see `prepare`."""

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    def prepare(self, kb: KnowledgeBase) -> None:
        """Take what is needed from the knowledge base, once, before anything else is called.

        Called only where `needs_kb` is set. Triples that leakage control leaves out are not in it.
        """

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        """Return the input edits for some linked mentions of a segment.

        Where entity vectors are used, every mention has one. Called once for the task's own
        mentions, once for all others: what the first call asks for survives truncation.
        """
        return []

    def build(self, source: EntitySpace, host: HostHandle) -> torch.nn.Module | None:
        """Return the module that holds everything trained, or None if nothing is."""
        return None

    def patch(self, host: HostHandle, module: torch.nn.Module | None) -> None:
        """Register callbacks on the host; they are removed by the framework at ``detach()``."""

    @property
    def stage(self) -> Stage:
        """What training needs (`Stage`)."""
        return "none"

    @property
    def corpus(self) -> str:
        """Id of the spec's corpus that is read; empty for none.

        A ``general`` stage reads one, a ``task`` stage may: `TrainingSession.corpus_objective`.
        """
        return ""

    @property
    def language_model(self) -> bool:
        """Whether reading the corpus takes a language model with its head, not the encoder alone.

        Asked only where there is a `corpus`.
        """
        return True

    @property
    def corpus_length(self) -> int:
        """Longest item of the corpus, in tokens; longer ones are left out."""
        return 64

    def fit(self, session: TrainingSession) -> None:
        """Train the module. Called once, unless `stage` is ``none``."""
