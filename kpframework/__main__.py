"""``python -m kpframework`` is ``kpframework``."""

from kpframework.cli import main

main()
