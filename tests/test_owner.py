"""Whose a temporary folder is."""

import subprocess
import sys

from kpframework import owner


def test_what_a_dead_process_left_beside_a_folder_is_removed_and_a_living_ones_kept(tmp_path):
    target = tmp_path / "plugin"
    code = "from kpframework.owner import Path, aside; import sys; aside(Path(sys.argv[1])).mkdir()"
    subprocess.run([sys.executable, "-c", code, str(target)], check=True)
    (dead,) = tmp_path.iterdir()
    mine = owner.aside(target)
    mine.mkdir()
    (tmp_path / ".plugin.mine").mkdir()
    other = owner.aside(target)
    assert other not in (mine, dead)
    assert not dead.exists()
    assert mine.is_dir()
    assert (tmp_path / ".plugin.mine").is_dir()
