"""A sound task: which class a text is of."""

import json

import numpy as np
import torch
from pydantic import Field

from kpframework.api import ComponentConfig, Example, InputFile, Mention, Segment, Task


class Config(ComponentConfig):
    """The three files."""

    train: InputFile = Field(description="Examples trained on.")
    dev: InputFile = Field(description="Examples chosen by.")
    test: InputFile = Field(description="Examples scored.")


class Target(Task):
    """Accuracy of one of the labels of train."""

    max_length = 48

    def records(self, split):
        """Yield the lines of a file."""
        with open(getattr(self.config, split)) as lines:
            yield from map(json.loads, lines)

    @property
    def labels(self):
        """Those of train, sorted."""
        return sorted({own["labels"][0] for own in self.records("train")})

    @property
    def metrics(self):
        """Accuracy alone."""
        return ["accuracy"]

    def examples(self, split):
        """Yield an example a line."""
        labels = self.labels
        for own in self.records(split):
            mention = Mention(own["start"], own["end"], own["entity"], role="mention")
            segment = Segment(own["text"], (mention,))
            yield Example(own["id"], (segment,), labels.index(own["labels"][0]))

    def loss(self, logits, targets):
        """Return the mean cross-entropy."""
        return torch.nn.functional.cross_entropy(logits, torch.tensor(list(targets)))

    def decide(self, logits, calibration):
        """Return the best label's index."""
        return logits.argmax(1).tolist()

    def statistics(self, decisions, targets):
        """Return (right, 1) for each example."""
        right = np.array(decisions) == np.array(targets)
        return np.stack([right, np.ones(len(right))], axis=1).astype(float)

    def score(self, sums):
        """Return the share that is right."""
        return {"accuracy": sums[..., 0] / np.maximum(sums[..., 1], 1)}
