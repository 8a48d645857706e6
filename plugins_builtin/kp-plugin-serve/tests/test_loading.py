"""Which plugins a folder offers, and in which order."""

import json

import pytest
from kp_plugin_serve import loading


@pytest.fixture
def kept(tmp_path):
    """A run's folder with the configurations of three plugins, one of them a control's."""
    rows = ["zeta", "shuffled", "alpha"]
    for row in rows:
        folder = tmp_path / "plugins" / row
        folder.mkdir(parents=True)
        control = "shuffled" if row == "shuffled" else None
        config = {"name": row, "host": {}, "control": control}
        (folder / loading.ARTIFACT_FILE).write_text(json.dumps(config))
    table = {"rows": [{"injection": row} for row in ["frozen", *rows]]}
    (tmp_path / loading.RESULTS_FILE).write_text(json.dumps(table))
    return tmp_path


def test_plugins_come_in_the_order_of_the_table_controls_last(kept):
    assert [own.folder.name for own in loading._artifacts(kept)] == ["zeta", "alpha", "shuffled"]


@pytest.mark.parametrize("results", [None, "{", '{"rows": [{}]}', "[]"])
def test_without_a_table_they_come_by_name(kept, results):
    (kept / loading.RESULTS_FILE).unlink()
    if results is not None:
        (kept / loading.RESULTS_FILE).write_text(results)
    assert [own.folder.name for own in loading._artifacts(kept)] == ["alpha", "zeta", "shuffled"]
