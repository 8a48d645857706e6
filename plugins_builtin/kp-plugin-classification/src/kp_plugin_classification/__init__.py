"""Declares the classification tasks; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the two tasks."""
    return [
        Component(
            kind="task",
            name="relation-classification",
            target="kp_plugin_classification.relation:RelationClassification",
            config="kp_plugin_classification.config:RelationConfig",
            summary="Which relation holds between two marked mentions of a text.",
            reference="Zhang et al., ACL 2023 (arXiv 2305.17691), section 4",
        ),
        Component(
            kind="task",
            name="entity-typing",
            target="kp_plugin_classification.typing:EntityTyping",
            config="kp_plugin_classification.config:TypingConfig",
            summary="Which types, one or several, a marked mention has.",
            reference="Zhang et al., ACL 2023 (arXiv 2305.17691), section 4",
        ),
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""

    def data(name: str) -> dict[str, Any]:
        return {"data": {split: f"{name}/{split}.jsonl" for split in ("train", "dev", "test")}}

    single = {**data("typing"), "multi_label": False}
    return {
        "task/relation-classification": data("relations"),
        "task/entity-typing": [data("typing"), single],
    }
