"""``python -m kpframework.cli``."""

from kpframework.cli import main

main()
