"""One cycle of Loop B on 10,000 signals, alone and beside Loop A.

``python asv_bench/benchmarks/loops_background.py`` prints its steps beside what the specification
allows, and what requests of Loop A wait while a cycle runs.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from engrain.loops import (
    BackgroundLearningConfig,
    BackgroundLearningLoop,
    SharedSONAState,
    SignalBatch,
    SONAConfig,
)
from engrain.loops.coordinator import BUDGETS_MS

if __package__:
    from .kernels_loop import Requests
else:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from benchmarks.kernels_loop import Requests

DIM, SIGNALS, MODELS, TOPICS = 384, 10_000, 9, 100


def signals(seed):
    """Return signals around 100 topics, with a direction and a model that each topic wants."""
    fixed, rng = np.random.default_rng(0), np.random.default_rng(seed)
    centres, wanted = fixed.standard_normal((2, TOPICS, DIM))
    topic = rng.integers(0, TOPICS, SIGNALS)
    queries = centres[topic] + 0.7 * rng.standard_normal((SIGNALS, DIM))
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    asked = rng.integers(0, MODELS, SIGNALS)
    return SignalBatch(
        queries.astype(np.float32),
        (0.05 * wanted[topic]).astype(np.float32),
        np.where(asked == topic % MODELS, 0.9, 0.4).astype(np.float32),
        np.ones(SIGNALS, np.float32),
        asked,
    )


class Once:
    """A source that gives out one batch."""

    def __init__(self):
        self.batch = SignalBatch.empty(DIM)

    def drain(self):
        batch, self.batch = self.batch, SignalBatch.empty(DIM)
        return batch, np.zeros(0, np.int64)

    def fill(self):
        return 0.0

    def state(self):
        return {}

    def load(self, state):
        pass


class LoopB:
    """A cycle on 10,000 signals, its steps in milliseconds, and Loop A's p99 while it runs."""

    timeout = 600

    def setup(self):
        folder = Path(tempfile.mkdtemp())
        background = BackgroundLearningConfig(checkpoint_dir=folder)
        config = SONAConfig(dim=DIM, models=MODELS, background=background)
        self.source = Once()
        self.loop = BackgroundLearningLoop(SharedSONAState(config), self.source)
        self.batches = [signals(seed) for seed in range(5)]
        self.cycle()

    def cycle(self):
        self.source.batch = self.batches[self.loop.counts["cycles"] % len(self.batches)]
        return self.loop.run_once()

    def time_engrain(self):
        self.cycle()

    def track_router_milliseconds(self):
        return self.cycle().router_ms

    def track_patterns_milliseconds(self):
        return self.cycle().patterns_ms

    def track_milliseconds_beside_loop_a(self):
        _, _, elapsed = self.beside_loop_a()
        return float(np.median(elapsed)) / 1000

    def track_loop_a_p99_beside_over_alone(self):
        alone, beside, _ = self.beside_loop_a()
        return float(np.percentile(beside, 99) / np.percentile(alone, 99))

    def beside_loop_a(self):
        requests = Requests()
        requests.setup(DIM)
        return waits(requests, self)


def waits(requests, loop_b, cycles=5):
    """Return what requests take alone and beside cycles, and these cycles, in microseconds."""

    def until(done):
        taken = []
        while not done():
            begin = time.perf_counter_ns()
            requests.request()
            taken.append(time.perf_counter_ns() - begin)
        return taken

    alone, beside, elapsed = [], [], []
    for _ in range(cycles):
        end = time.perf_counter() + 0.5
        alone += until(lambda end=end: time.perf_counter() > end)
        thread = threading.Thread(target=loop_b.cycle)
        thread.start()
        beside += until(lambda thread=thread: not thread.is_alive())
        elapsed.append(loop_b.loop.last_report.elapsed_ms)
    return np.array(alone) / 1000, np.array(beside) / 1000, np.array(elapsed) * 1000


def handovers(n=200):
    """Return what it takes to give the GIL to a busy thread and get it back, in microseconds."""
    done, taken = threading.Event(), []

    def work():
        while not done.is_set():
            pass

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(n):
        begin = time.perf_counter_ns()
        time.sleep(0)
        taken.append(time.perf_counter_ns() - begin)
    done.set()
    thread.join()
    return np.array(taken) / 1000


def main():
    loop_b, requests = LoopB(), Requests()
    loop_b.setup()
    cpu, reports = [], []
    for _ in range(5):
        begin = time.process_time()
        reports.append(loop_b.cycle())
        cpu.append(1000 * (time.process_time() - begin))
    print(f"{SIGNALS:,} signals, dim {DIM}, {MODELS} models, medians of 5 cycles in ms")
    for step, allowed in BUDGETS_MS.items():
        taken = statistics.median(getattr(report, f"{step}_ms") for report in reports)
        print(f"{step:<12} {taken:>8.1f}   allowed {allowed:>8,.0f}   {taken / allowed:>7.2%}")
    print(f"{'CPU':<12} {statistics.median(cpu):>8.1f}")
    requests.setup(DIM)
    *waited, elapsed = waits(requests, loop_b)
    for name, taken in zip(("alone", "beside B"), waited, strict=True):
        p50, p99 = np.percentile(taken, [50, 99])
        print(f"Loop A {name:<9} {len(taken):>8,} requests   p50 {p50:6.1f} us   p99 {p99:6.1f} us")
    print(f"Loop B beside A   median {np.median(elapsed) / 1000:.0f} ms")
    print(f"GIL given to a busy thread and got back   p50 {np.median(handovers()):6.1f} us")


if __name__ == "__main__":
    main()
