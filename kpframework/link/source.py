"""What links: a linker's section and a stored knowledge base, from a spec or from a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpframework.api.config import ComponentRef
from kpframework.digest import content_digest
from kpframework.errors import SpecError
from kpframework.plugins import Registry
from kpframework.run.cache import Cache
from kpframework.run.look import kb_of_section, knowledge_id, stored, stored_kb
from kpframework.run.manifest import MANIFEST
from kpframework.run.progress import Display
from kpframework.spec import BoundComponent, load_spec
from kpframework.spec.checks import ARTIFACT_FILE
from kpframework.spec.resolve import bind_ref


@dataclass(frozen=True)
class LinkSource:
    """A linker, the knowledge base it links to, and what a spec says beside."""

    linker: BoundComponent
    kb: Path
    """Folder of the store."""
    executor: BoundComponent | None = None
    device: str = "cpu"

    def identity(self) -> dict[str, Any]:
        """Return what decides which mentions are found, as JSON: options, code and content."""
        stored = sorted(path for path in self.kb.iterdir() if path.name != MANIFEST)
        return {
            "linker": self.linker.key_data(),
            "files": [content_digest(path) for path in self._files()],
            "kb": {path.name: content_digest(path) for path in stored},
        }

    def _files(self) -> list[Path]:
        if not self.linker.children:
            return self.linker.input_paths()
        # Seconds to import, for the folder of an encoder that is nested in the linker.
        from kpframework.run.row_plan import files_of

        return files_of(self.linker)


def from_folder(folder: Path, linker: ComponentRef | None, registry: Registry) -> LinkSource:
    """Return what a saved knowledge plugin holds; of a stored knowledge base, with a linker given.

    Raises:
        SpecError: KP822, the folder holds no knowledge base; KP838, there is no linker.
        KpError: KP770, a knowledge plugin's description is damaged.
    """
    kb = stored_kb(folder)
    if linker is None and (folder / ARTIFACT_FILE).is_file():
        # Seconds to import, for what a folder with a linker given needs none of.
        from kpframework.artifact.config import component_of, read_config

        linker = component_of(folder, read_config(folder), "linker")
    if linker is None:
        raise SpecError(
            "KP838",
            f"{folder} holds a knowledge base, but no linker",
            "name one: --linker gazetteer",
        )
    return LinkSource(bind_ref("linker", linker, registry), kb.absolute())


def from_spec(
    path: Path,
    knowledge: str | None,
    overrides: Sequence[str],
    linker: ComponentRef | None,
    registry: Registry,
    display: Display,
) -> LinkSource:
    """Return what a knowledge section of a spec holds; its KB goes through the cache.

    Args:
        path: the spec.
        knowledge: id of the section; None takes the first.
        overrides: ``a.b.c=value`` each.
        linker: replaces the section's own.
        registry: the installed components.
        display: shows progress.

    Raises:
        SpecError: KP820, there is no such section, or what is wrong with the spec.
        KpError: the knowledge base cannot be built.
    """
    resolved = load_spec(path, overrides, registry)
    name = knowledge_id(resolved, path, knowledge, "--knowledge")
    own = resolved.knowledge[name]
    device = resolved.spec.run.device
    return LinkSource(
        bind_ref("linker", linker, registry) if linker else own.linker,
        stored(name, own.kb, Cache(), display),
        resolved.executor,
        "cpu" if device == "auto" else device,
    )


def from_section(
    text: str, linker: ComponentRef | None, registry: Registry, display: Display
) -> LinkSource:
    """Return a linker and the knowledge base of a provider's own section, ``{"type": …}``.

    Raises:
        SpecError: KP111, it is no section; KP838, there is no linker; or what is wrong with one.
        KpError: the knowledge base cannot be built.
    """
    if linker is None:
        raise SpecError(
            "KP838",
            "a knowledge base's own section says nothing of a linker",
            "name one: --linker gazetteer",
        )
    bound = bind_ref("linker", linker, registry)
    return LinkSource(bound, kb_of_section(text, registry, Cache(), display))
