"""Resident size of a memory by its number of vectors: ``python asv_bench/memory_size.py [N]``."""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from pathlib import Path

import numpy as np

from engrain import Memory

DIM, BLOCK = 384, 10_000


def resident_mb():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vectors", type=int, nargs="?", default=100_000)
    wanted = parser.parse_args().vectors
    rng, start, empty = np.random.default_rng(0), time.perf_counter(), resident_mb()
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder) / "m.db", dim=DIM) as memory:
        for first in range(0, wanted, BLOCK):
            rows = rng.standard_normal((BLOCK, DIM), dtype=np.float32)
            memory.remember_many({"vector": v, "id": first + i} for i, v in enumerate(rows))
        memory.flush()
        del rows
        gc.collect()
        print(f"{len(memory):,} vectors of {DIM} after {time.perf_counter() - start:.0f} s")
        print(f"resident {resident_mb():,.0f} MB, {empty:,.0f} MB of them before any")


if __name__ == "__main__":
    main()
