"""Trains a PyKEEN model on integer triples and scores it on some it has not seen."""

import gc
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pykeen.evaluation import RankBasedEvaluator
from pykeen.models import ERModel
from pykeen.training import NonFiniteLossError, SLCWATrainingLoop
from pykeen.training.callbacks import TrainingCallback
from pykeen.triples import CoreTriplesFactory

from kp_plugin_pykeen.checkpoint import Checkpoint
from kpframework import KpError
from kpframework.api import Context

_SCORES = 64_000_000  # floats of one batch of ranking: 256 MB


class _Progress(TrainingCallback):
    def __init__(self, advance: Any) -> None:
        super().__init__()
        self._advance = advance

    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        self._advance(1, f"loss {epoch_loss:.3f}")


def train(model: ERModel, factory: CoreTriplesFactory, config: Any, context: Context) -> None:
    """Train a model in place; one that was killed goes on from its last checkpoint.

    Raises:
        KpError: KP441 the loss is no longer finite.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=config.epochs)
    loop = SLCWATrainingLoop(
        model=model,
        triples_factory=factory,
        optimizer=optimizer,
        lr_scheduler=schedule,
        negative_sampler="basic",
        negative_sampler_kwargs={"num_negs_per_pos": config.negatives},
        automatic_memory_optimization=False,
    )
    checkpoint = Checkpoint(context.scratch)
    done = checkpoint.restore(loop)
    # PyKEEN collects garbage every epoch: it need not look at what was there before.
    gc.freeze()
    try:
        with context.progress("train entity embeddings", config.epochs) as advance:
            if done:
                advance(done)
            loop.train(
                factory,
                num_epochs=config.epochs,
                batch_size=config.batch_size,
                sub_batch_size=config.batch_size,
                use_tqdm=False,
                continue_training=done > 0,
                checkpoint_directory=context.scratch,
                callbacks=[_Progress(advance), checkpoint],
                pin_memory=False,
            )
    except NonFiniteLossError as error:
        raise KpError(
            "KP441", "training the entity embeddings diverged", "set a lower 'lr'"
        ) from error
    finally:
        gc.unfreeze()
    checkpoint.remove()


def score(
    model: ERModel,
    held_out: npt.NDArray[np.int64],
    known: npt.NDArray[np.int64],
    dim: int,
    context: Context,
) -> Mapping[str, float]:
    """Return mrr and hits@10 of both ends among all entities, known triples filtered out."""
    evaluator = RankBasedEvaluator(filtered=True)
    batch = max(1, min(32, _SCORES // (model.num_entities * dim)))
    with context.progress("score entity embeddings", None):
        results = evaluator.evaluate(
            model,
            torch.from_numpy(held_out.copy()),
            batch_size=batch,
            use_tqdm=False,
            additional_filter_triples=torch.from_numpy(known.copy()),
        )
    return {
        "mrr": float(results.get_metric("both.realistic.inverse_harmonic_mean_rank")),
        "hits@10": float(results.get_metric("both.realistic.hits_at_10")),
        "triples_scored": float(len(held_out)),
    }
