from __future__ import annotations

import numpy as np

from engrain import kernels

from .common import needs

N, DIM, K = 20_000, 384, 16


def clustered():
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((200, DIM), dtype=np.float32)
    rows = centres[rng.integers(0, 200, N)] + rng.standard_normal((N, DIM), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class ExactNeighbours:
    """The 16 nearest of each of 20,000 x 384 rows by one thread, beside faiss and our f32 scan."""

    timeout = 300
    comparisons = {"time_search_lists": ["time_faiss_flat", "time_knn_graph"]}

    def setup(self):
        self.rows = clustered()
        self.halves = kernels.to_bfloat16(self.rows)
        self.lists = kernels.code_lists(self.halves, np.zeros(N, np.int64), 1)
        self.probes = np.zeros((N, 1), np.int32)

    def time_to_bfloat16(self):
        kernels.to_bfloat16(self.rows)

    def time_search_lists(self):
        kernels.search_lists(self.lists, self.halves, self.probes, K + 1, threads=1)

    def time_knn_graph(self):
        kernels.knn_graph(self.rows, K)

    @needs("faiss")
    def time_faiss_flat(self):
        import faiss

        faiss.omp_set_num_threads(1)
        index = faiss.IndexFlatIP(DIM)
        index.add(self.rows)
        index.search(self.rows, K + 1)

    def track_recall(self):
        found, _ = kernels.search_lists(self.lists, self.halves, self.probes, K + 1)
        exact, _ = kernels.topk(self.rows, self.rows[:500], K + 1)
        pairs = zip(found[:500], exact, strict=True)
        return float(np.mean([len({*a} & {*b}) / (K + 1) for a, b in pairs]))
