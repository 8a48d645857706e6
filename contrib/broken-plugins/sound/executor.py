"""A sound executor: a new process for each shard, two at a time."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

from kpframework.api import Executor, outcome_of, worker_died

CHILD = """
import json, os, sys
from kpframework.api import Work, reply

answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
work, shard = sys.stdin.readline(), json.loads(sys.stdin.readline())
answers.write(reply(lambda: Work.from_json(work).open()(shard)) + "\\n")
answers.flush()
"""
RETRIES = 2


class Target(Executor):
    """Starts a process for each shard; those at work are stopped in the end."""

    child = CHILD

    def map(self, work, shards):
        """Yield (index, outcome) of every shard as they finish."""
        self.running, self.stopped, self.lock = set(), False, threading.Lock()
        pool = ThreadPoolExecutor(2)
        waiting = {pool.submit(self.answer, work, i, own): i for i, own in enumerate(shards)}
        try:
            for done in as_completed(waiting):
                yield waiting[done], outcome_of(done.result())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            self.stop()

    def answer(self, work, index, shard):
        """Return what a process answers, of several where the first ones die."""
        for _ in range(1 + RETRIES):
            code, answer = self.ask(work, shard)
            if code == 0:
                return answer
        raise worker_died(index, 1 + RETRIES, f"with exit code {code}")

    def ask(self, work, shard):
        """Return the exit code and the answer of one process."""
        with self.lock:
            if self.stopped:
                raise RuntimeError("stopped")
            process = self.start()
            self.running.add(process)
        answer, _ = process.communicate(self.lines(work, shard))
        with self.lock:
            self.running.discard(process)
        return process.returncode, answer

    def lines(self, work, shard):
        """Return what a process is told."""
        return f"{work.to_json()}\n{json.dumps(shard)}\n"

    def start(self):
        """Start a process."""
        return subprocess.Popen(
            [sys.executable, "-P", "-c", self.child],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            encoding="utf-8",
        )

    def stop(self):
        """Stop what is at work; no process is started again."""
        with self.lock:
            self.stopped = True
            for process in self.running:
                process.kill()
