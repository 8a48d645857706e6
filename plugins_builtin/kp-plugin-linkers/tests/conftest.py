import pytest


class FakeKB:
    """Names in order, ids sorted, other id spaces as a dict."""

    def __init__(self, names=(), ids=(), other=None):
        self._names = [(n, e, p) for n, e, p in ((*row, 1.0)[:3] for row in names)]
        self.entity_ids = sorted({e for _, e, _ in self._names} | set(ids))
        self._rows = {e: i for i, e in enumerate(self.entity_ids)}
        self._other = other or {}

    def row(self, entity):
        return self._rows.get(self._other.get(entity, entity))

    def names(self):
        return iter(self._names)


@pytest.fixture
def kb():
    return FakeKB


@pytest.fixture
def linked():
    """Return the function that gives (surface, entity, role) of what a linker finds."""

    def run(linker, segment):
        return [
            (segment.text[m.start : m.end], m.entity, m.role) for m in linker.link([segment])[0]
        ]

    return run
