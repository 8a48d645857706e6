"""``kpframework lm-eval``: a knowledge plugin on a decoder, measured by lm-evaluation-harness."""
