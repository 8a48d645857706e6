"""Opening the knowledge base that a spec, one component section, a run or the cache holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kpframework.api.config import ComponentRef
from kpframework.errors import SpecError
from kpframework.kb.build import METADATA
from kpframework.run.cache import Cache
from kpframework.run.progress import Display

if TYPE_CHECKING:
    from kpframework.plugins import Registry
    from kpframework.spec import BoundComponent, ResolvedSpec


def is_section(text: str) -> bool:
    """Return whether an argument is a component section itself, a JSON table, and no path."""
    return text.lstrip().startswith("{")


def section(text: str, option: str) -> ComponentRef:
    """Return the component section that an option holds: a name, or a JSON table.

    Raises:
        SpecError: KP111, it is neither.
    """
    try:
        value = json.loads(text) if is_section(text) else {"type": text}
        return ComponentRef.model_validate(value)
    except ValueError:
        fix = f'write {option} NAME or {option} \'{{"type": "NAME", "option": 1}}\''
        raise SpecError("KP111", f"{option}: no component section: {text[:60]!r}", fix) from None


def stored_kb(folder: Path) -> Path:
    """Return the store in a folder: of the cache, or a saved knowledge plugin's (in its ``kb``).

    Raises:
        SpecError: KP822 there is none.
    """
    for place in (folder, folder / "kb"):
        if (place / METADATA).is_file():
            return place
    raise SpecError(
        "KP822",
        f"{folder} holds no knowledge base: neither {METADATA} nor kb/{METADATA}",
        "give a spec, a knowledge base's own section ('{\"type\": …}'), a folder below a run's "
        "plugins/, or a kb folder of the cache",
    )


def kb_of_section(text: str, registry: Registry, cache: Cache, display: Display) -> Path:
    """Return the store of a provider's section, ``{"type": "obo", …}``; paths are from here.

    Raises:
        SpecError: KP111 it is no section, or what is wrong with it.
        KpError: the knowledge base cannot be built.
    """
    from kpframework.spec.resolve import bind_ref

    ref = section(text, "SPEC")
    return stored(ref.type, bind_ref("kb", ref, registry), cache, display)


def knowledge_id(resolved: ResolvedSpec, spec: Path, id_: str | None, option: str) -> str:
    """Return the id of a knowledge section of a spec, of the first without an id.

    Args:
        resolved: the spec.
        spec: its file.
        id_: of a section.
        option: that gives the id.

    Raises:
        SpecError: KP820 there is no such section.
    """
    known = list(resolved.knowledge)
    if not known:
        raise SpecError("KP820", f"{spec} has no knowledge", "add a knowledge section")
    if id_ is not None and id_ not in known:
        from kpframework.plugins.lookup import did_you_mean

        raise SpecError(
            "KP820",
            f"no knowledge section is named {id_!r}.{did_you_mean(id_, known)}",
            f"{option} is one of: {', '.join(known)}",
            where=str(spec),
        )
    return known[0] if id_ is None else id_


def kb_of_spec(
    spec: Path,
    id_: str | None,
    overrides: Sequence[str],
    registry: Registry,
    cache: Cache,
    display: Display,
) -> Path:
    """Return the store of a spec's knowledge section, of its first without an id; `run` shares it.

    What is excluded from training (leakage control) is still in it.

    Raises:
        SpecError: KP820 there is no such section, or what is wrong with the spec.
        KpError: the knowledge base cannot be built.
    """
    from kpframework.spec import load_spec

    resolved = load_spec(spec, overrides, registry)
    name = knowledge_id(resolved, spec, id_, "--kb")
    return stored(name, resolved.knowledge[name].kb, cache, display)


def stored(name: str, bound: BoundComponent, cache: Cache, display: Display) -> Path:
    """Return the folder of a provider's store, built if the cache has none.

    Raises:
        KpError: it cannot be built.
    """
    # A plan knows of training, which takes seconds to import: a folder needs none of it.
    from kpframework.run.data_plan import kb_step
    from kpframework.run.execute import execute

    step = kb_step(name, bound)
    folder = execute([step], cache, display=display)[step.name].folder
    assert folder is not None  # else execute has raised
    return folder.absolute()
