"""Models from a folder or from the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from kp_plugin_backbones.folders import check, licence
from kpframework import KpError
from kpframework.api import Backbone

PATTERNS = ["*.safetensors", "*.json", "*.txt", "README.md"]
"""Files fetched from the hub: no pickled weights, no code."""
_CONFIG = ["config.json"]
_PATIENCE = 10.0
"""Seconds for the question which commit a revision is."""
_COMMIT = re.compile("[0-9a-f]{40}")


class HubBackbone(Backbone):
    """A model folder, or a snapshot of a hub repository in the hub's own cache."""

    def folder(self) -> Path:
        """Return the folder; a hub model is fetched on first use.

        Raises:
            KpError: the hub does not give it, or files are missing.
        """
        return self._folder

    def at_hand(self) -> Path | None:
        """Return the user's own folder; None for a model of the hub."""
        path = Path(self.config.model)
        return path if path.is_absolute() else None

    def pinned(self) -> str:
        """Return the commit of a hub model, the one that `folder` fetches.

        Raises:
            KpError: the hub does not give it, and its cache does not have it.
        """
        if self.at_hand() is not None:
            return ""
        return _commit(self.config.model, self.config.revision)

    def to_fetch(self) -> int | None:
        """Return the size of the files that are not in the hub's cache yet."""
        if self.at_hand() is not None:
            return 0
        import huggingface_hub

        model, fetch = self.config.model, huggingface_hub.snapshot_download
        options: dict[str, Any] = {"allow_patterns": PATTERNS}
        with suppress(KpError, OSError, ValueError):
            options["revision"] = self.pinned()
            files = fetch(model, dry_run=True, **options)
            return sum(file.file_size for file in files if file.will_download)
        # No connection: all is in the hub's cache, or it is not known.
        with suppress(KpError, OSError, ValueError):
            check(Path(fetch(model, local_files_only=True, **options)))
            return 0
        return None

    def metadata(self) -> Mapping[str, str]:
        """Return name, revision (the hub's commit) and the licence the model card states."""
        if Path(self.config.model).is_absolute():
            return {"name": self._folder.name, "licence": licence(self._folder)}
        return {
            "name": self.config.model,
            "revision": self.pinned(),
            "licence": licence(self._folder),
        }

    @cached_property
    def _folder(self) -> Path:
        path = Path(self.config.model)
        if path.is_absolute():
            return check(path)
        model, revision, commit = self.config.model, self.config.revision, self.pinned()
        with suppress(KpError):  # not there yet, or not all of it
            return check(_fetch(model, commit, PATTERNS, local_files_only=True))
        # By the revision's own name, so that the hub's cache knows it without a connection, too;
        # by the commit where that has moved on meanwhile.
        moved = _asked(model, revision) != commit
        return check(_fetch(model, commit if moved else revision, PATTERNS))


@cache
def _commit(model: str, revision: str | None) -> str:
    """Return the commit, the same while the process lives, whatever is pushed meanwhile."""
    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    if commit := _asked(model, revision):
        return commit
    # The hub's cache names a snapshot's folder by its commit.
    with suppress(KpError):
        return _fetch(model, revision, _CONFIG, local_files_only=True).name
    return _fetch(model, revision, _CONFIG).name


def _asked(model: str, revision: str | None) -> str | None:
    """Return the commit that the hub names; None if it does not answer."""
    import huggingface_hub

    # Errors of a connection are of other kinds in each version; what is tried next tells.
    with suppress(Exception):
        return huggingface_hub.model_info(model, revision=revision, timeout=_PATIENCE).sha
    return None


def _fetch(model: str, revision: str | None, patterns: list[str], **how: Any) -> Path:
    import huggingface_hub

    try:
        return Path(
            huggingface_hub.snapshot_download(
                model, revision=revision, allow_patterns=patterns, **how
            )
        )
    except (OSError, ValueError) as error:
        at = f" at revision {revision}" if revision else ""
        raise KpError(
            "KP630",
            f"the hub does not give {model}{at}, and no folder of that name is here: "
            f"{str(error).strip()}",
            fix="check the name, the revision and the connection (HF_TOKEN for a gated "
            "model), or download it elsewhere and give its folder as 'model'",
        ) from None
