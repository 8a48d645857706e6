"""Declares the cloze task; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the task."""
    return [
        Component(
            kind="task",
            name="cloze-qa",
            target="kp_plugin_cloze_qa.task:ClozeQA",
            config="kp_plugin_cloze_qa.config:ClozeQAConfig",
            summary="What a language model names where the answer to a question is hidden.",
            reference="Zhang et al., ACL 2023 (arXiv 2305.17691), section 4; "
            "Sciavolino et al., EMNLP 2021 (arXiv 2109.08535)",
            capabilities={"head": "language-model"},
        )
    ]


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    from kp_plugin_cloze_qa.samples import write

    return write(folder)
