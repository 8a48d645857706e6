"""Takes its labels from the test examples, too."""

from .sound import Config as Config
from .sound import Target as Sound


class Target(Sound):
    @property
    def labels(self):
        splits = ("train", "test")
        return sorted({own["labels"][0] for s in splits for own in self.records(s)})
