import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from kpframework.api import Work

MODULE = """
import os, signal, sys, time
from pathlib import Path
from kpframework import KpError


def open_work(arguments):
    folder = Path(arguments["folder"])
    print("this is no answer")

    def function(shard):
        what = shard.get("what", "")
        for order in sorted(folder.glob("die-*")):
            try:
                order.unlink()
            except FileNotFoundError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "raise":
            raise ValueError("no such luck")
        if what == "error":
            raise KpError("KP900", "own words", "own fix", where="a:1")
        if what == "exit":
            os._exit(3)
        if what == "sleep":
            (folder / f"asleep-{os.getpid()}").touch()
            time.sleep(60)
        path = folder / f"done-{shard['number']}"
        with path.open("a") as out:
            out.write("x")
        return {"square": shard["number"] ** 2}

    return function
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Work whose function squares a number, and does what a shard or a file tells it."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "kp_squares.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "kp_squares", raising=False)
    yield Work("kp_squares:open_work", {"folder": str(tmp_path)})
    sys.modules.pop("kp_squares", None)
    for path in tmp_path.glob("asleep-*"):
        kill(path)


def kill(path: Path) -> None:
    try:
        os.kill(int(path.name.partition("-")[2]), signal.SIGKILL)
    except ProcessLookupError:
        return
