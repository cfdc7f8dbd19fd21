"""One interaction read, checked and kept for replay, with no step due.

``python asv_bench/benchmarks/policy_online.py`` prints percentiles at three sizes of the buffer, of
all calls and of those during which the system did not give the processor to others: each the least
of several runs, since whatever else runs on the machine only adds to them. Calls come back to back,
and in rows of their own at random times, `RATE` a second: between them the processor rests and
caches go cold. A thread that only hashes, in C and without the GIL, shows in further rows what any
neighbour on the machine's other processor costs.
"""

from __future__ import annotations

import hashlib
import resource
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

RUNS, CALLS = 10, 2_000
RATE, RATED_RUNS = 1_000, 3


class RecordInteraction:
    """An answer of four words, beside entries of small vectors that fill the buffer."""

    params = [0, 10_000, 1_000_000]
    param_names = ["held"]
    timeout = 600

    def setup(self, held, path=None):
        import torch

        from engrain.policy import (
            ConfidenceEstimator,
            MemoryGate,
            OnlineTrainer,
            ReplayBuffer,
            ReplayEntry,
            SituationEncoder,
            StrategySelector,
        )

        torch.set_num_threads(1)
        buffer = ReplayBuffer(max(held, 10_000), path)
        entry = ReplayEntry(np.ones(8), [0, 1, 2], [0.9, 0.7, 0.5], "quick_answer", 0.85, 0.9)
        for number in range(held):
            buffer.add(entry)
            if number % 50_000 == 0:
                buffer.flush()
        buffer.flush()
        encoder = SituationEncoder()
        nets = encoder, MemoryGate(), StrategySelector(), ConfidenceEstimator()
        self.trainer = OnlineTrainer(*nets, buffer=buffer, update_every=None)
        self.situation = encoder.encode_situation(encoder.encode("How do I deploy?"))

    def time_engrain(self, held):
        self.trainer.record_interaction(
            situation_emb=self.situation,
            memory_indices=[0, 1, 2],
            memory_scores=[0.9, 0.7, 0.5],
            strategy_id="quick_answer",
            confidence=0.85,
            user_response="Thanks, that worked!",
        )

    def track_p99_microseconds(self, held):
        return self.percentiles(held)[1][1]

    def percentiles(self, held, rate=None):
        """Return p50 and p99 in microseconds of all calls, and of the undisturbed ones.

        The third item holds two shares of calls, medians of the runs: those during which the
        system gave the processor to others, and those that waited, for the GIL or a lock.
        """
        runs = RUNS if rate is None else RATED_RUNS
        rows = np.array([self._run(held, rate, seed) for seed in range(runs)])
        found = rows.min(axis=0)
        return found[:2], found[2:4], np.median(rows[:, 4:], axis=0)

    def _run(self, held, rate, seed):
        rows, start = np.empty((CALLS, 3)), time.perf_counter()
        arrivals = np.zeros(CALLS)
        if rate is not None:
            arrivals = np.cumsum(np.random.default_rng(seed).exponential(1 / rate, CALLS))
        for row, arrival in zip(rows, arrivals.tolist(), strict=True):
            if rate is not None:
                time.sleep(max(0.0, start + arrival - time.perf_counter()))
            before, begin = switches(), time.perf_counter_ns()
            self.time_engrain(held)
            taken, after = time.perf_counter_ns() - begin, switches()
            row[:] = taken, after[0] - before[0], after[1] - before[1]
        taken, lost, waited = rows[:, 0] / 1000, rows[:, 1] > 0, rows[:, 2] > 0
        every, quiet = (np.percentile(part, [50, 99]) for part in (taken, taken[~lost]))
        return [*every, *quiet, lost.mean(), waited.mean()]


def switches():
    """Return how often this thread lost the processor, and how often it let go of it to wait."""
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return used.ru_nivcsw, used.ru_nvcsw


@contextmanager
def busy_neighbour():
    """Hash in another thread, which takes the GIL a few times a second."""
    ended, block = threading.Event(), bytes(100_000_000)

    def work():
        while not ended.is_set():
            hashlib.sha256(block)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def show(label, found):
    (p50, p99), (quiet50, quiet99), (lost, waited) = found
    print(
        f"{label:<36} p50 {p50:5.1f}  p99 {p99:7.1f} us   "
        f"undisturbed p50 {quiet50:5.1f}  p99 {quiet99:6.1f} us   "
        f"lost the processor {lost:.2%}  waited {waited:.2%}"
    )


def main():
    rows = np.random.default_rng(0).standard_normal((10_000, 384), dtype=np.float32)
    taken = []
    for _ in range(200):
        begin = time.perf_counter_ns()
        np.argpartition(rows @ rows[0], -10)[-10:]
        taken.append((time.perf_counter_ns() - begin) / 1000)
    print(f"NumPy's ten best of 10,000 x 384: {min(taken):.0f} us at best")
    for held in RecordInteraction.params:
        for kind in ("memory", "log"):
            with tempfile.TemporaryDirectory() as folder:
                bench = RecordInteraction()
                bench.setup(held, None if kind == "memory" else Path(folder) / "replay.db")
                show(f"{held:>9,} in {kind}", bench.percentiles(held))
                show(f"{held:>9,} in {kind}, {RATE:,}/s", bench.percentiles(held, RATE))
                if kind == "memory":
                    with busy_neighbour():
                        show(f"{held:>9,} in {kind}, hashing beside", bench.percentiles(held))
                bench.trainer.buffer.close()


if __name__ == "__main__":
    main()
