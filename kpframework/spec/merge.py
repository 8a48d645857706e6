"""How one spec lies over another: what `extends` and `--set` mean."""

from __future__ import annotations

from kpframework.spec.tree import Node

_KEPT = ("id", "knowledge", "control")


def merged(base: Node, over: Node) -> Node:
    """Return ``over`` laid on ``base``.

    Tables merge key by key. Lists whose items all have an ``id`` merge by id, new ids at the end.
    Everything else is replaced, by ``null`` too. A section whose ``type`` changes does not keep the
    other type's options.
    """
    if isinstance(base.value, str) and isinstance(over.value, dict) and over.value:
        base = component(base)
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        kept = dict(base.value)
        new = over.value.get("type")
        if new is not None and isinstance(new.value, str):
            kept = retyped(base, new.value)
        table = kept | {
            key: merged(kept[key], child) if key in kept else child
            for key, child in over.value.items()
        }
        return Node(table, over.place, over.key)
    if _by_id(base) and _by_id(over):
        items = {item.text("id"): item for item in base.value}
        for item in over.value:
            name = item.text("id")
            items[name] = merged(items[name], item) if name in items else item
        return Node(list(items.values()), over.place, over.key)
    return over


def component(node: Node) -> Node:
    """Return the table that a component's bare name stands for."""
    return Node({"type": Node(node.value, node.place)}, node.place, node.key)


def retyped(section: Node, new: str) -> dict[str, Node]:
    """Return what a section keeps when its ``type`` becomes ``new``.

    Options of another type mean nothing to the new one; those given by ``--set`` stay.
    """
    old = section.text("type")
    if old is None or old == new:
        return dict(section.value)
    kept = _KEPT if "id" in section.value else ()
    return {k: n for k, n in section.value.items() if k in kept or n.where.override}


def _by_id(node: Node) -> bool:
    if not isinstance(node.value, list):
        return False
    names = [item.text("id") for item in node.value]
    return None not in names and len(set(names)) == len(names)
