"""lm-evaluation-harness with the model in its registry."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from kpframework import KpError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the harness's own command line.

    Args:
        arguments: None takes those of the process.

    Raises:
        KpError: KP895, the harness is not installed, or of an unknown release.
    """
    register()
    from lm_eval.__main__ import cli_evaluate

    given = sys.argv
    # The harness reads its arguments from there and nowhere else.
    sys.argv = ["lm_eval", *(given[1:] if arguments is None else arguments)]
    try:
        cli_evaluate()
    finally:
        sys.argv = given


def register() -> None:
    """Let lm-evaluation-harness know the model ``kpframework``, in this process.

    Raises:
        KpError: KP895, the harness is not installed, or of an unknown release.
    """
    try:
        import kp_plugin_lm_eval.model  # noqa: F401
    except ImportError as error:
        if not (error.name or "").startswith("lm_eval"):
            raise
        raise KpError(
            "KP895",
            f"lm-evaluation-harness cannot be used: {error}",
            "pip install --upgrade 'kp-plugin-lm-eval[lm-eval]'",
        ) from error
