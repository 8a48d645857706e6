"""What every test here starts from, subprocesses included."""

import os

# Tiny models gain nothing from threads, and several workers with all cores each slow each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
