"""The command where lm-evaluation-harness is not there."""

import sys

from kpframework.cli.root import run


def test_a_harness_that_is_not_installed_is_told_with_the_line_that_installs_it(
    monkeypatch, capsys
):
    for name in [n for n in sys.modules if n.startswith(("lm_eval", "kp_plugin_lm_eval.model"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    assert run(["lm-eval", "run", "--model", "kpframework"]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "KP895" in told
    assert "kp-plugin-lm-eval[lm-eval]" in told
