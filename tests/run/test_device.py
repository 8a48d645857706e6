"""The device of a spec is tried before anything is made on it."""

import pytest
import torch

from kpframework.errors import KpError
from kpframework.run.runner import chosen_device


def test_a_device_that_is_not_there_is_an_error_with_its_fix():
    absent = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(KpError, match=r"KP514(.|\n)*run\.device=auto"):
        chosen_device(absent)


def test_the_cpu_is_always_there_and_auto_is_what_is_there():
    assert chosen_device("cpu") == "cpu"
    assert chosen_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
