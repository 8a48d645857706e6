"""Models from a folder or from the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from kp_plugin_backbones.folders import check, licence
from kpframework import KpError
from kpframework.api import Backbone

PATTERNS = ["*.safetensors", "*.json", "*.txt", "README.md"]
"""Files fetched from the hub: no pickled weights, no code."""


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

    def metadata(self) -> Mapping[str, str]:
        """Return name, revision (the hub's commit) and the licence the model card states."""
        if Path(self.config.model).is_absolute():
            return {"name": self._folder.name, "licence": licence(self._folder)}
        # The hub's cache names a snapshot's folder by its commit.
        return {
            "name": self.config.model,
            "revision": self._folder.name,
            "licence": licence(self._folder),
        }

    @cached_property
    def _folder(self) -> Path:
        path = Path(self.config.model)
        return check(path if path.is_absolute() else self._fetch())

    def _fetch(self) -> Path:
        import huggingface_hub

        model, revision = self.config.model, self.config.revision
        try:
            return Path(
                huggingface_hub.snapshot_download(model, revision=revision, allow_patterns=PATTERNS)
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
