"""The components: PyKEEN's models, trained alike."""

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kp_plugin_pykeen.holdout import hold_out
from kp_plugin_pykeen.quiet import contained
from kpframework import KpError
from kpframework.api import Embeddings, EmbeddingTable, KnowledgeBase

if TYPE_CHECKING:
    from pykeen.models import ERModel


class PykeenEmbeddings(Embeddings):
    """Trains on every triple but the held-out ones; an entity without a triple gets no vector.

    On a CPU the same triples, options and seed give the same bytes.
    """

    def compute(self, kb: KnowledgeBase) -> EmbeddingTable:
        """Return the trained entity vectors as float32, unscaled, with the score in ``metrics``.

        Raises:
            KpError: KP440 no triples, KP441 the loss is no longer finite.
        """
        if not len(kb.triples):
            raise KpError(
                "KP440",
                f"knowledge base {kb.name!r} has no triples to train entity embeddings on",
                "use 'precomputed' embeddings, or a knowledge base with triples",
            )
        used, ends = np.unique(kb.triples[:, [0, 2]], return_inverse=True)
        relations, labels = np.unique(kb.triples[:, 1], return_inverse=True)
        ends = ends.reshape(-1, 2)
        triples = np.column_stack([ends[:, 0], labels.reshape(-1), ends[:, 1]]).astype(np.int64)
        config, seed = self.config, self.context.seed
        scored, trained = hold_out(triples, config.evaluate, config.evaluate_at_most, seed)
        with contained(self.context.scratch, seed):
            # Imported here: PyKEEN makes folders when it is imported.
            from pykeen.triples import CoreTriplesFactory

            from kp_plugin_pykeen.training import score, train

            factory = CoreTriplesFactory(
                torch.from_numpy(triples[trained]),
                num_entities=len(used),
                num_relations=len(relations),
                create_inverse_triples=config.inverse,
            )
            model = self.model(factory).to(self.context.device)
            train(model, factory, config, self.context)
            vectors = _vectors(model)
            metrics = (
                score(model, triples[scored], triples[~scored], config.dim, self.context)
                if scored.any()
                else {}
            )
        ids = kb.entity_ids
        return EmbeddingTable([ids[row] for row in used.tolist()], vectors, metrics)

    @abstractmethod
    def model(self, factory: Any) -> "ERModel":
        """Return the untrained PyKEEN model."""

    def _self_adversarial(self) -> Any:
        from pykeen.losses import NSSALoss

        return NSSALoss(margin=self.config.margin, adversarial_temperature=1.0)


class TransE(PykeenEmbeddings):
    """Translations between entity vectors (Bordes et al., NeurIPS 2013)."""

    def model(self, factory: Any) -> "ERModel":
        """Return TransE with the chosen loss."""
        from pykeen.losses import MarginRankingLoss
        from pykeen.models import TransE as Model

        free = {
            "entity_initializer": partial(torch.nn.init.normal_, std=0.01),
            "entity_constrainer": None,
        }
        ranking = self.config.loss == "margin-ranking"
        return Model(
            triples_factory=factory,
            embedding_dim=self.config.dim,
            scoring_fct_norm=self.config.norm,
            loss=MarginRankingLoss(self.config.margin) if ranking else self._self_adversarial(),
            random_seed=self.context.seed,
            **({} if self.config.unit_length else free),
        )


class RotatE(PykeenEmbeddings):
    """Entity vectors are unconstrained complex numbers, real parts first."""

    def model(self, factory: Any) -> "ERModel":
        """Return RotatE with its own self-adversarial loss."""
        from pykeen.models import RotatE as Model

        return Model(
            triples_factory=factory,
            embedding_dim=self.config.dim // 2,
            loss=self._self_adversarial(),
            random_seed=self.context.seed,
        )


class DistMult(PykeenEmbeddings):
    """Entity vectors are unconstrained.

    PyKEEN's own defaults (length 1, L2 weight 0.1) learn nothing with the logistic loss.
    """

    def model(self, factory: Any) -> "ERModel":
        """Return DistMult with the logistic loss, not regularised."""
        from pykeen.models import DistMult as Model

        return Model(
            triples_factory=factory,
            embedding_dim=self.config.dim,
            entity_initializer="xavier_normal",
            entity_constrainer=None,
            relation_initializer="normal",
            regularizer=None,
            loss="softplus",
            random_seed=self.context.seed,
        )


class ComplEx(PykeenEmbeddings):
    """Entity vectors are unconstrained complex numbers, real parts first."""

    def model(self, factory: Any) -> "ERModel":
        """Return ComplEx with the logistic loss, not regularised."""
        from pykeen.models import ComplEx as Model

        return Model(
            triples_factory=factory,
            embedding_dim=self.config.dim // 2,
            entity_initializer="xavier_normal",
            relation_initializer="normal",
            regularizer=None,
            loss="softplus",
            random_seed=self.context.seed,
        )


def _vectors(model: "ERModel") -> Any:
    """Return shape (entities, dim); a complex vector becomes its real, then imaginary parts."""
    with torch.no_grad():
        tensor = model.entity_representations[0](indices=None).detach().cpu()
    if tensor.is_complex():
        tensor = torch.cat([tensor.real, tensor.imag], dim=-1)
    return tensor.contiguous().numpy().astype(np.float32)
