"""Resident size of a memory by its number of vectors: ``python asv_bench/memory_size.py [N]``."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np

from engrain import Memory

DIM, BLOCK = 384, 10_000


def resident_mb():
    """Return all resident megabytes and the anonymous ones; others the kernel may take back."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))


def report(what, since):
    gc.collect()
    everything, anonymous = resident_mb()
    seconds = time.perf_counter() - since
    print(f"{what}: {everything:,.0f} MB resident, {anonymous:,.0f} anonymous; {seconds:,.1f} s")


def recall_ms(memory, rng, times):
    taken = []
    for _ in range(times):
        vector = rng.standard_normal(DIM, dtype=np.float32)
        start = time.perf_counter()
        memory.recall(vector=vector)
        taken.append(1000 * (time.perf_counter() - start))
    return float(np.median(taken))


def fill(path, wanted, rng):
    start = time.perf_counter()
    with Memory(path, dim=DIM) as memory:
        for first in range(0, wanted, BLOCK):
            rows = rng.standard_normal((BLOCK, DIM), dtype=np.float32)
            memory.remember_many({"vector": v, "id": first + i} for i, v in enumerate(rows))
        memory.flush()
        del rows
        report(f"{len(memory):,} vectors of {DIM}", start)


def ask(path, times):
    rng, start = np.random.default_rng(1), time.perf_counter()
    with Memory(path) as memory:
        report("opened again", start)
        start = time.perf_counter()
        median = recall_ms(memory, rng, times)
        report(f"{times} recalls, median {median:.1f} ms", start)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vectors", type=int, nargs="?", default=100_000)
    parser.add_argument("--recalls", type=int, default=50)
    options = parser.parse_args()
    report("before any", time.perf_counter())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.db"
        fill(path, options.vectors, np.random.default_rng(0))
        # In a process of its own: this one's heap has holes by now.
        fresh = multiprocessing.get_context("spawn")
        asking = fresh.Process(target=ask, args=(path, options.recalls))
        asking.start()
        asking.join()


if __name__ == "__main__":
    main()
