"""Batches in which each row has a plugin of its own."""

from __future__ import annotations

from collections.abc import Sequence

from kpframework.api.text import Segment
from kpframework.artifact.encode import Row, RowEncoder, as_segment
from kpframework.artifact.plugin import KnowledgePlugin
from kpframework.errors import KpError
from kpframework.inject.alignment import Encoding

HOST = "__host__"
"""The name that stands for the bare host where a plugin is chosen for each row."""


def encode_mixed(
    texts: Sequence[str | Segment],
    knowledge: Sequence[KnowledgePlugin | str],
    pairs: Sequence[str | Segment] | None = None,
    *,
    padding: bool | str = True,
    max_length: int | None = None,
) -> Encoding:
    """Return one batch in which each row has its own plugin, or ``"__host__"`` for none.

    Args:
        texts: one a row; a `Segment` brings a task's own mentions and edits.
        knowledge: one a row; all plugins are attached to one host.
        pairs: second text of each row.
        padding: as for `KnowledgePlugin.encode`.
        max_length: longest input; None takes the host's.

    Raises:
        KpError: KP773, the plugins are not on one host, or a name is neither a plugin nor
            ``"__host__"``; KP772, a plugin is not attached.
    """
    plugins = [own for own in knowledge if isinstance(own, KnowledgePlugin)]
    wrong = [own for own in knowledge if isinstance(own, str) and own != HOST]
    hosts = [plugin.attached() for plugin in plugins]
    if wrong or not hosts or any(host is not hosts[0][0] for host, _ in hosts):
        raise KpError(
            "KP773",
            f"unknown knowledge {wrong[0]!r}" if wrong else "the plugins are not on one host",
            f"give each row a plugin attached to the same model, or {HOST!r}",
        )
    each = zip(texts, knowledge, strict=True)
    rows = [
        Row(own.name if isinstance(own, KnowledgePlugin) else None, (as_segment(text),))
        for text, own in each
    ]
    if pairs is not None:
        rows = [
            Row(row.plugin, (*row.segments, as_segment(pair)))
            for row, pair in zip(rows, pairs, strict=True)
        ]
    return RowEncoder(*hosts[0], max_length).encoding(rows, padding)
