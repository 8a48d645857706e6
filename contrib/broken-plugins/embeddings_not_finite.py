"""Divides by a length of zero."""

import numpy as np

from .sound import Target as Sound


class Target(Sound):
    def draw(self, generator, count):
        vectors = super().draw(generator, count)
        vectors[0] = 0
        with np.errstate(invalid="ignore"):
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
