"""Declares the few-shot relation task; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the task."""
    return [
        Component(
            kind="task",
            name="few-shot-relation",
            target="kp_plugin_few_shot_relation.task:FewShotRelation",
            config="kp_plugin_few_shot_relation.config:FewShotConfig",
            summary="Which of N relations, given by K supports each, a query holds.",
            reference="BERT-PAIR: Gao et al., EMNLP 2019; Zhang et al., ACL 2023, section 4",
        )
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    setting = {"episodes": 4, "ways": 2, "queries": 2}
    files = {split: f"fewrel/{split}.json" for split in ("train", "dev", "test")}
    return {
        "task/few-shot-relation": {
            "data": files,
            "names": "fewrel/names.json",
            "train": setting,
            "dev": {"episodes": 4},
            "test": setting,
        }
    }
