"""What is saved of a plugin whose knowledge was edited: an ordinary artifact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kpframework.inject.contents import Contents
from kpframework.kb.edited import EditedKB
from kpframework.kb.edited_table import EditedTable


@contextmanager
def edited_parts(
    contents: Contents, target: Path
) -> Iterator[tuple[dict[str, Path], dict[str, Any]]]:
    """Yield the folders of ``kb`` and ``entities``, and what the configuration says of edited ones.

    What was edited is written anew, in a folder beside ``target`` that is gone after the block.
    """
    kb, table = contents.kb, contents.table
    parts = {"kb": kb.folder}
    changes: dict[str, Any] = {}
    if table is not None:
        parts["entities"] = table.folder
    edited = isinstance(table, EditedTable) and bool(table.put or table.removed)
    if not edited and not isinstance(kb, EditedKB):
        yield parts, changes
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{target.name}-edits-", dir=target.parent) as temporary:
        if isinstance(kb, EditedKB):
            parts["kb"] = Path(temporary) / "kb"
            changes["kb"] = dict(kb.write(parts["kb"]).counts)
        if isinstance(table, EditedTable) and edited:
            parts["entities"] = Path(temporary) / "entities"
            written = table.write(parts["entities"])
            changes["entities"] = {
                "sha256": written.sha256,
                "dim": written.dim,
                "rows": len(written),
            }
        yield parts, changes


def edited_config(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of an edited plugin.

    ``trained_with`` keeps what is said of the vectors that the tensors were trained with.
    """
    own = dict(config)
    if "kb" in changes:
        own["kb"] = {**own.get("kb", {}), **changes["kb"]}
    if "entities" in changes:
        own.setdefault("trained_with", own["entities"])
        own["entities"] = {**own["entities"], **changes["entities"]}
    return own
