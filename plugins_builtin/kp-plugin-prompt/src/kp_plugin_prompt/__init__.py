"""Declares the prompt; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the injector."""
    return [
        Component(
            kind="injector",
            name="prompt",
            target="kp_plugin_prompt.injector:Prompt",
            config="kp_plugin_prompt.config:PromptConfig",
            summary="Descriptions and triples of the linked entities as text in the input.",
            reference="Retrieval as context; the baseline of Zhang et al., ACL 2023, section 4",
            capabilities={
                "site": "text",
                "trained": "nothing",
                "trains_host": False,
                "kb_update": "free",
                "needs_entities": False,
                "needs_kb": True,
                "input_overhead": "at most max_tokens a mention",
            },
        )
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {
        "injector/prompt": [{}, {"position": "mention", "inverse": True}, {"position": "after"}]
    }
