"""The command; imports nothing heavy."""

from __future__ import annotations

import click


@click.command(
    "lm-eval",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run lm-evaluation-harness, which knows the model ``kpframework`` then.

    ARGUMENTS are those of ``lm_eval``: kpframework lm-eval run --model kpframework --model_args
    pretrained=FOLDER,plugin=ARTIFACT --tasks lambada_openai
    """
    from kp_plugin_lm_eval.harness import main

    main(arguments)
