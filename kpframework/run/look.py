"""Opening the knowledge base that a spec, a run or the cache holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kpframework.errors import SpecError
from kpframework.kb.build import METADATA
from kpframework.kb.store import KBStore, open_store
from kpframework.run.cache import Cache
from kpframework.run.progress import Display


def stored_kb(folder: Path) -> KBStore:
    """Open the store in a folder: of the cache, or a saved knowledge plugin's (in its ``kb``).

    Raises:
        SpecError: KP822 there is none.
        KpError: KP400 it is damaged.
    """
    for place in (folder, folder / "kb"):
        if (place / METADATA).is_file():
            return open_store(place)
    raise SpecError(
        "KP822",
        f"{folder} holds no knowledge base: neither {METADATA} nor kb/{METADATA}",
        "give a spec, a folder below a run's plugins/, or a kb folder of the cache",
    )


def kb_of_spec(
    spec: Path, section: str | None, overrides: Sequence[str], cache: Cache, display: Display
) -> KBStore:
    """Open the KB of a spec's knowledge section, of its first without a name; `run` shares it.

    What is excluded from training (leakage control) is still in it.

    Raises:
        SpecError: KP820 there is no such section, or what is wrong with the spec.
        KpError: the knowledge base cannot be built.
    """
    from kpframework.run.execute import execute
    from kpframework.run.plan import kb_step
    from kpframework.spec import load_spec

    resolved = load_spec(spec, overrides)
    known = list(resolved.knowledge)
    if not known:
        raise SpecError("KP820", f"{spec} has no knowledge", "add a knowledge section")
    if section is not None and section not in known:
        from kpframework.plugins.lookup import did_you_mean

        raise SpecError(
            "KP820",
            f"no knowledge section is named {section!r}.{did_you_mean(section, known)}",
            f"--kb is one of: {', '.join(known)}",
            where=str(spec),
        )
    step = kb_step(resolved, known[0] if section is None else section)
    folder = execute([step], cache, display=display)[step.name].folder
    assert folder is not None  # else execute has raised
    return open_store(folder)
