"""``python -m kp_plugin_lm_eval``: what ``accelerate launch -m`` takes."""

from kp_plugin_lm_eval.harness import main

main()
