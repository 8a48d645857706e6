"""What a host answers, without and with knowledge, as rows of numbers that can be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kpframework import SavedHost

SHOWN = 10
"""Rows of an answer at most."""
NEW_TOKENS = 24
"""Tokens of a continuation."""

Numbers = npt.NDArray[np.float64]


def classes(
    host: SavedHost,
    pair: Sequence[npt.NDArray[np.float32]],
    calibrations: Sequence[Mapping[str, float]],
) -> dict[str, Any]:
    """Return the answer of a classifier.

    Args:
        host: a classifier.
        pair: logits of shape (labels,), without and, if there is any, with knowledge.
        calibrations: what was chosen on dev for each of them, such as a threshold.
    """
    logits = np.stack(list(pair))
    task = host.task
    if task is not None:
        shares = task.probabilities(logits)
        decided = [
            task.decide(own[None], calibration)[0]
            for own, calibration in zip(logits, calibrations, strict=True)
        ]
        decisions = [own if isinstance(own, list) else [own] for own in decided]
        several = any(isinstance(own, list) for own in decided)
        words = [task.show(own) for own in decided]
    else:
        several = getattr(host.model.config, "problem_type", None) == "multi_label_classification"
        shares = _sigmoid(logits) if several else _softmax(logits)
        decisions = [
            np.flatnonzero(row >= 0.5).tolist() if several else [int(row.argmax())]
            for row in shares
        ]
        words = [", ".join(host.labels[i] for i in own) or "(none)" for own in decisions]
    rows = _rows(list(host.labels), shares, decisions)
    return {
        "kind": "classes",
        "several": several,
        **_words(words),
        "bars": [{"title": "", "rows": rows[:SHOWN], "more": max(0, len(rows) - SHOWN)}],
    }


def tokens(
    host: SavedHost, ids: torch.Tensor, logits: torch.Tensor, top: int = 8
) -> dict[str, Any]:
    """Return what a masked language model names at each mask.

    Args:
        host: a masked language model.
        ids: shape (1 or 2, width), without and with knowledge.
        logits: shape (1 or 2, width, vocabulary).
        top: tokens shown of each row.
    """
    mask = host.tokenizer.mask_token_id
    places = [(row == mask).nonzero()[:, 0].tolist() for row in ids]
    bars, named = [], []
    for number, at in enumerate(zip(*places, strict=True), 1):
        shares = _softmax(np.stack([logits[row, p].float().numpy() for row, p in enumerate(at)]))
        title = f"blank {number}" if len(places[0]) > 1 else ""
        bars.append(_vocabulary(host, shares, title, top))
        named.append([host.tokenizer.decode([int(row.argmax())]).strip() for row in shares])
    words = [" · ".join(own) for own in zip(*named, strict=True)] or [""] * len(ids)
    return {"kind": "tokens", "several": False, **_words(words), "bars": bars}


def continuation(
    host: SavedHost, logits: torch.Tensor, written: Sequence[str], top: int = 8
) -> dict[str, Any]:
    """Return how a decoder goes on.

    Args:
        host: a causal language model.
        logits: of the next token, shape (1 or 2, vocabulary).
        written: the greedy continuations.
        top: tokens shown of each row.
    """
    bars = [_vocabulary(host, _softmax(logits.float().numpy()), "next token", top)]
    return {"kind": "continuation", "several": False, **_words(list(written)), "bars": bars}


def _words(words: Sequence[str]) -> dict[str, Any]:
    with_ = words[1] if len(words) > 1 else None
    return {"without": words[0], "with": with_, "changed": with_ is not None and with_ != words[0]}


def _vocabulary(host: SavedHost, shares: Numbers, title: str, top: int) -> dict[str, Any]:
    best = {int(i) for row in shares for i in np.argsort(-row, kind="stable")[:top]}
    chosen = sorted(best)
    labels = [host.tokenizer.decode([i]) for i in chosen]
    decisions = [[chosen.index(int(row.argmax()))] for row in shares]
    rows = _rows(labels, shares[:, chosen], decisions)
    return {"title": title, "rows": rows[:SHOWN], "more": 0}


def _rows(
    labels: Sequence[str], shares: Numbers, decisions: Sequence[Sequence[int]]
) -> list[dict[str, Any]]:
    """Return one row a label, those with the highest probability on either side first."""
    order = np.argsort(-shares.max(axis=0), kind="stable").tolist()
    return [
        {
            "label": labels[i],
            "without": float(shares[0, i]),
            "with": float(shares[1, i]) if len(shares) > 1 else None,
            "change": float(shares[1, i] - shares[0, i]) if len(shares) > 1 else None,
            "chosen_without": i in decisions[0],
            "chosen_with": i in decisions[1] if len(decisions) > 1 else None,
        }
        for i in order
    ]


def _softmax(logits: npt.NDArray[np.float32]) -> Numbers:
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    shares: Numbers = raised / raised.sum(axis=-1, keepdims=True)
    return shares


def _sigmoid(logits: npt.NDArray[np.float32]) -> Numbers:
    shares: Numbers = 1 / (1 + np.exp(-logits.astype(np.float64).clip(-500, 500)))
    return shares
