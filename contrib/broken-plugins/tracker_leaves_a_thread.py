"""Uploads a while after the run, from a thread that the process has to wait for."""

import threading

from .sound import Target as Sound


class Target(Sound):
    def run_done(self, results, folder):
        super().run_done(results, folder)
        threading.Timer(6, print).start()
