"""The plugin of the page on tests passes them, and `plugins check` says so."""

import os
import re
import subprocess
import sys

from kpframework.testing.conformance.model import KINDS, checks_of
from kpframework.testing.distributions import fake_distribution

from .conftest import ROOT, write_files

PAGE = ROOT / "docs/how-to/test-your-plugin.md"


def test_its_tests_pass_and_plugins_check_agrees(tmp_path):
    write_files(PAGE, tmp_path)
    entry_points = {"towns": "kp_plugin_towns"}
    fake_distribution(tmp_path / "src", "kp-plugin-towns", entry_points=entry_points)
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path / "src"),
        "KPFRAMEWORK_CONFIG": str(tmp_path / "config"),
        "KPFRAMEWORK_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    code = (
        "import sys, pytest\n"
        "from kpframework.cli.root import run\n"
        "tests = pytest.main(['-q', '-p', 'no:cacheprovider', '-rx', 'tests'])\n"
        "sys.exit(int(tests) or run(['plugins', 'check', 'towns']))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed, 2 xfailed", done.stdout), done.stdout
    assert "the file repeats towns" in done.stdout
    assert re.search(r"(\d+) checks run, \1 passed", done.stdout), done.stdout


def test_every_check_it_names_is_there():
    known = {check.id.partition("::")[2] for kind in KINDS for check in checks_of(kind)}
    table = PAGE.read_text(encoding="utf-8").partition("## Ids")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[2])}
    assert len(named) > 20
    assert named <= known
