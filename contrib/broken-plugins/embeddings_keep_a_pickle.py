"""Keeps its result as a pickle in the scratch folder."""

import importlib

from .sound import Target as Sound


class Target(Sound):
    def compute(self, kb):
        table = super().compute(kb)
        with (self.context.scratch / "table").open("wb") as file:
            importlib.import_module("pickle").dump(table.vectors, file)
        return table
