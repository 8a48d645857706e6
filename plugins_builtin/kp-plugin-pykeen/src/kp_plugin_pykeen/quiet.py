"""Keeps PyKEEN within its step: no folders, no chatter, no effect on others' randomness."""

import logging
import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch


@contextmanager
def contained(scratch: Path, seed: int) -> Iterator[None]:
    """Import and run PyKEEN inside this block.

    On import, PyKEEN makes folders below the user's home; here they are made in ``scratch``.
    """
    home = os.environ.get("PYSTOW_HOME")
    os.environ["PYSTOW_HOME"] = str(scratch / "pystow")
    states = random.getstate(), np.random.get_state()
    loggers = [logging.getLogger(name) for name in ("pykeen", "torch_max_mem")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed % 2**32)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        random.setstate(states[0])
        np.random.set_state(states[1])
        if home is None:
            del os.environ["PYSTOW_HOME"]
        else:
            os.environ["PYSTOW_HOME"] = home
