"""What the quick commands must not import, and how long they may take."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kpframework.testing.distributions import fake_plugin

PYTHON = """
import sys
from kpframework.cli import main
try:
    main({arguments})
except SystemExit as end:
    assert not end.code, end.code
import json
import os
import subprocess
import sys
print("MODULES", json.dumps(sorted(sys.modules)))
"""
HEAVY = {"torch", "transformers", "pydantic", "numpy", "pyarrow", "accelerate", "networkx"}


@pytest.fixture
def modules(tmp_path, command_line):
    fake_plugin(tmp_path / "site", "toy", components=[("mapper", "toy")])

    def run(*arguments):
        code = PYTHON.format(arguments=list(arguments))
        done = command_line(site=tmp_path / "site", config=tmp_path / "config", python=code)
        assert done.returncode == 0, done.stderr
        return set(json.loads(done.stdout.partition("MODULES ")[2]))

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["plugins", "--help"],
        ["plugins", "list"],
        ["plugins", "list", "--json"],
        ["plugins", "disable", "toy"],
        ["plugins", "enable", "toy"],
        ["plugins", "doctor", "toy"],
        ["compare", "--help"],
        ["kb", "--help"],
        ["link", "--help"],
        ["kb", "search", "--help"],
    ],
)
def test_neither_heavy_packages_nor_plugins_are_imported(modules, arguments):
    imported = modules(*arguments)
    assert not HEAVY & imported
    assert not {name for name in imported if name.startswith("kp_plugin")}


def test_help_imports_no_command_no_metadata_and_no_rich(modules):
    imported = modules("--help")
    assert not {"rich", "importlib.metadata", "packaging"} & imported
    # What names the commands of plugins, and asks which are disabled.
    named = {f"kpframework.plugins{name}" for name in ("", ".glimpse", ".settings")}
    assert {name for name in imported if name.startswith("kpframework.plugins")} <= named


@pytest.mark.parametrize("arguments", [["plugins", "list"], ["plugins", "doctor", "toy"]])
def test_listing_plugins_imports_no_rich(modules, arguments):
    assert "rich" not in modules(*arguments)


def test_help_is_quick_whatever_is_installed(tmp_path, command_line):
    fake_plugin(tmp_path / "site", "slow", before="import time\ntime.sleep(20)")
    start = time.perf_counter()
    done = command_line("--help", site=tmp_path / "site", config=tmp_path)
    assert done.returncode == 0
    # Generous: machines are shared. What keeps it quick is asserted by the imports above.
    assert time.perf_counter() - start < 3


def test_a_plan_and_a_run_that_reuses_every_step_import_no_transformers(tmp_path):
    plan = ["plan", "examples/quickstart.json"]
    heads = "import kpframework.artifact, kpframework.run.runner"
    code = heads + PYTHON.format(arguments=plan)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "KPFRAMEWORK_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert " to run; 6 cells of the table" in done.stdout
    imported = set(json.loads(done.stdout.partition("MODULES ")[2]))
    assert not {"transformers", "pykeen", "accelerate"} & imported
