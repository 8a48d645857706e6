import os
import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def command_line():
    """Run the command line in a process of its own, with a path and settings of its own."""

    def run(*arguments, site, config, python=None, **variables):
        environment = {k: v for k, v in os.environ.items() if k != "KPFRAMEWORK_PLUGINS"}
        environment |= {"PYTHONPATH": str(site), "KPFRAMEWORK_CONFIG": str(config), **variables}
        start = ["-c", python] if python else ["-m", "kpframework.cli", *arguments]
        return subprocess.run(
            [sys.executable, *start], env=environment, capture_output=True, text=True, timeout=60
        )

    return run
