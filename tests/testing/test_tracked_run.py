"""The run that the kit shows to trackers is one as they are made today."""

import json

import pytest

from .tracked_run import SHIPPED, record


def shape(value):
    """Return keys and types, whatever the values; lists of one kind by their first item."""
    if isinstance(value, dict):
        return {key: shape(own) for key, own in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(own), sort_keys=True) for own in value})
    return "number" if isinstance(value, int | float) else type(value).__name__


def told(run):
    """Return what depends neither on the machine and its packages, nor on which answers changed."""
    left_out = ("environment", "lock", "examples")
    results = {k: v for k, v in run["results"].items() if k not in left_out}
    return {**run, "results": results}


@pytest.mark.slow
def test_a_run_made_now_tells_trackers_the_same(tmp_path):
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
    made = record(tmp_path)
    assert {step["status"] for step in made["steps"]} == {"made", "reused", "failed", "skipped"}
    renew = "what trackers are told has changed: python tests/testing/tracked_run.py renews it"
    assert shape(told(made)) == shape(told(shipped)), renew
