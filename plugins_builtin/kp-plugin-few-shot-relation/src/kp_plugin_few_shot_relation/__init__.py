"""Declares the few-shot relation task; imports nothing heavy."""

from collections.abc import Iterable

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
