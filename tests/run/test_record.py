"""What a run writes down, and how it is written."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kpframework.errors import KpError
from kpframework.run.record import environment, write_json_atomic


def test_the_environment_names_versions_and_no_person_or_place() -> None:
    found = environment([], "cpu")
    assert {"kpframework", "torch", "transformers", "numpy"} <= set(found["packages"])
    assert found["python"].startswith("3.")
    assert found["cores"] >= 1
    text = json.dumps(found)
    assert str(Path.home()) not in text
    assert os.uname().nodename not in {found["platform"], found["cpu"]}


def test_the_accelerator_is_the_one_that_a_run_computes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU of {device}")
    told = [environment([], device) for device in ("cpu", "cuda:1")]
    assert [own["device"] for own in told] == ["cpu", "cuda:1"]
    assert [own["accelerator"] for own in told] == [None, "GPU of cuda:1"]


def test_asking_for_the_environment_loads_no_torch() -> None:
    code = (
        "import sys; from kpframework.run.record import environment; "
        "assert environment([], 'cpu')['threads'] is None; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_json_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    write_json_atomic(path, {"b": 0.1 + 0.2, "a": "é"})
    assert json.loads(path.read_text("utf-8")) == {"a": "é", "b": 0.1 + 0.2}
    write_json_atomic(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_atomic(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_json_atomic(path, {"a": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(KpError, match=r"results\.json") as caught:
            write_json_atomic(path, {"a": "x" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.code == "KP503"
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.glob("*")) == [path]
