"""The tiny world of a check, when what is checked does not stop."""

import contextlib
import shutil
import threading

from kpframework.testing.conformance.world import World


def test_a_world_goes_quietly_while_a_component_still_writes_into_it() -> None:
    world = World()
    folder, done = world.new_scratch(), threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            with contextlib.suppress(OSError):
                (folder / str(number)).mkdir()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        world._temporary.cleanup()
    finally:
        done.set()
        thread.join()
        left = world.folder.exists()
        shutil.rmtree(world.root, ignore_errors=True)
    assert not left
