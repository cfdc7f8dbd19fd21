"""A full and an incremental run of Loop C.

``python asv_bench/benchmarks/loops_deep.py [memories]`` prints its phases beside what the
specification allows.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np

from engrain import kernels
from engrain.loops import Archive, DeepLearningConfig, DeepLearningLoop, ReasoningBank
from engrain.loops.analogies import find_analogies
from engrain.loops.deep import BUDGETS_MS
from engrain.loops.hierarchy import HierarchicalClustering
from engrain.loops.neighbours import NeighbourIndex, unit_bfloat16
from engrain.loops.touched import Touched

if __package__:
    from .common import needs
else:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from benchmarks.common import needs

DIM, PATTERNS = 384, 2_000
DAY, NOW = 86_400.0, 1e9


def embeddings(n, seed=0):
    """Return rows of topics within topics, each with some 24 directions of its own to vary in."""
    fixed, rng = np.random.default_rng(0), np.random.default_rng(seed)
    topics = fixed.standard_normal((40, DIM), dtype=np.float32)
    parts = fixed.standard_normal((40, 50, DIM), dtype=np.float32)
    ways = fixed.standard_normal((40, 24, DIM), dtype=np.float32)
    rows = np.empty((n, DIM), np.uint16)
    for first in range(0, n, 50_000):
        m = min(50_000, n - first)
        topic, part = rng.integers(0, 40, m), rng.integers(0, 50, m)
        held = topics[topic] + 0.7 * parts[topic, part]
        for t in range(40):
            own = topic == t
            held[own] += 0.2 * rng.standard_normal((int(own.sum()), 24), dtype=np.float32) @ ways[t]
        held += 0.3 * rng.standard_normal((m, DIM), dtype=np.float32)
        rows[first : first + m] = unit_bfloat16(held)
    return rows


def archive(n):
    """Return `n` memories that were used for a year, one in a hundred a copy of another."""
    rng = np.random.default_rng(1)
    rows = embeddings(n)
    copies = rng.choice(n, n // 100, replace=False)
    rows[copies] = rows[(copies + 1) % n]
    created = NOW - DAY * rng.uniform(0, 365, n)
    return Archive(
        rows,
        accesses=rng.poisson(3, n),
        quality=np.where(rng.random(n) < 0.5, rng.random(n), np.nan),
        created=created,
        accessed=created + (NOW - created) * rng.random(n),
        clock=lambda: NOW,
    )


def bank(rows):
    """Return a bank of as many patterns as rows."""
    made = ReasoningBank(DIM, merge_cosine=1.0)
    n = len(rows)
    state = made.export()
    state |= {"ids": np.arange(n), "levels": np.zeros(n, np.int64), "next": np.array([n])}
    state |= {"sums": 5.0 * kernels.from_bfloat16(rows), "counts": np.full(n, 6.0)}
    made.load(state)
    return made


class Inbox:
    """Tells a loop what was touched."""

    touched = Touched((), (), full=True)

    def take(self):
        return self.touched

    def put_back(self, touched):
        self.touched = touched


def prepared(n):
    store, inbox = archive(n), Inbox()
    config = DeepLearningConfig(num_dreams=n // 10, dream_length=32)
    return (
        store,
        inbox,
        DeepLearningLoop(
            store, bank(store.vectors[:PATTERNS]), config, inbox=inbox, clock=lambda: NOW
        ),
    )


def touch(store, inbox, share=0.01):
    """Add new memories and touch as many old ones, both half of the share."""
    n = len(store.vectors)
    store.extend(embeddings(int(n * share / 2), seed=9))
    inbox.touched = Touched(tuple(range(0, n, int(2 / share))), (), full=False)


class DeepRun:
    """Loop C on 20,000 memories."""

    timeout = 600
    number, repeat, rounds = 1, 2, 1

    def setup(self):
        self.store, self.inbox, self.loop = prepared(20_000)

    def time_full(self):
        self.loop.run_once(full=True)

    def time_incremental(self):
        touch(self.store, self.inbox)
        self.loop.run_once()

    def track_merges_found(self):
        return self.loop.run_once(full=True).compression.nodes_merged / 200


class Neighbours:
    """Neighbours of 50,000 x 384 by lists, beside faiss' lists of the same number and probes."""

    timeout = 600
    number, repeat, rounds = 1, 2, 1
    comparisons = {"time_graph": ["time_faiss_ivf"]}

    def setup(self):
        self.rows = embeddings(50_000)

    def time_graph(self):
        NeighbourIndex.of_rows(self.rows).graph(16)

    @needs("faiss")
    def time_faiss_ivf(self):
        import faiss

        rows = kernels.from_bfloat16(self.rows)
        coarse = faiss.IndexFlatIP(DIM)
        index = faiss.IndexIVFFlat(coarse, DIM, 447, faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = 6
        index.train(rows)
        index.add(rows)
        index.nprobe = 20
        index.search(rows, 17)

    def track_recall_at_16(self):
        graph = NeighbourIndex.of_rows(self.rows).graph(16)
        rows = kernels.from_bfloat16(self.rows)
        which = np.arange(0, len(rows), 250)
        scores = rows[which] @ rows.T
        scores[np.arange(len(which)), which] = -np.inf
        exact = np.argpartition(-scores, 16, axis=1)[:, :16]
        pairs = zip(exact, graph.rows[which], strict=True)
        return float(np.mean([len({*a} & {*b}) / 16 for a, b in pairs]))


class Concepts:
    """Ward's tree of 2,000 patterns, beside SciPy's; analogies of two domains of 64 concepts."""

    comparisons = {"time_tree": ["time_scipy"]}

    def setup(self):
        self.rows = kernels.from_bfloat16(embeddings(PATTERNS))

    def time_tree(self):
        HierarchicalClustering().fit(self.rows)

    @needs("scipy")
    def time_scipy(self):
        from scipy.cluster.hierarchy import ward

        ward(self.rows)

    def time_analogies(self):
        find_analogies(self.rows[:64], self.rows[64:128])


def main(n):
    store, inbox, loop = prepared(n)
    for name in ("full", "incremental, 1 %"):
        cpu = time.process_time()
        report = loop.run_once()
        cpu = time.process_time() - cpu
        print(f"{n:,} memories, {name}: {report.elapsed_ms / 1e3:.1f} s, {cpu:.1f} s of CPU")
        print(f"{'phase':16}{'ms':>12}{'allowed':>12}")
        print(f"{'neighbours':16}{report.neighbours_ms:12,.0f}")
        for phase, allowed in BUDGETS_MS.items():
            print(f"{phase:16}{getattr(report, f'{phase}_ms'):12,.0f}{allowed:12,.0f}")
        touch(store, inbox)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"most memory: {peak:.2f} GB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
