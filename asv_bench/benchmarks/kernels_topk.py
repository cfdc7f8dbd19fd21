from __future__ import annotations

import numpy as np

from engrain import kernels

ROWS, DIM, K = 100_000, 384, 10


def unit(seed, *shape):
    rows = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows


class Topk:
    """The 10 best of 100,000 rows for one query, all exact, beside faiss, torch and NumPy."""

    comparisons = {
        "time_topk": ["time_faiss_flat", "time_torch", "time_numpy"],
        "time_topk_int8": ["time_faiss_flat"],
    }

    def setup(self):
        import faiss
        import torch

        torch.set_num_threads(1)
        faiss.omp_set_num_threads(1)
        self.rows, self.query = unit(0, ROWS, DIM), unit(1, DIM)
        self.codes, self.scale = kernels.quantize_rows(self.rows)
        self.flat = faiss.IndexFlatIP(DIM)
        self.flat.add(self.rows)
        self.t_rows, self.t_query = torch.from_numpy(self.rows), torch.from_numpy(self.query)
        self.torch_topk = torch.topk

    def floor(self, machine):
        return machine.stream(4 * ROWS * DIM)

    def time_topk(self):
        kernels.topk(self.rows, self.query, K)

    def time_topk_int8(self):
        kernels.topk_int8(self.codes, self.scale, self.rows, self.query, K)

    def time_faiss_flat(self):
        self.flat.search(self.query[None], K)

    def time_torch(self):
        self.torch_topk(self.t_rows @ self.t_query, K)

    def time_numpy(self):
        np.argpartition(self.rows @ self.query, -K)[-K:]

    def track_queries_of_which_int8_equals_f32(self):
        queries = unit(2, 50, DIM)
        pairs = [
            (
                kernels.topk_int8(self.codes, self.scale, self.rows, query, K),
                kernels.topk(self.rows, query, K),
            )
            for query in queries
        ]
        return float(np.mean([all(map(np.array_equal, ours, exact)) for ours, exact in pairs]))


class TopkBatch:
    """The same for 256 queries at once."""

    def setup(self):
        import torch

        torch.set_num_threads(1)
        self.rows, self.queries = unit(0, ROWS, DIM), unit(1, 256, DIM)
        self.t_rows, self.t_queries = torch.from_numpy(self.rows), torch.from_numpy(self.queries)
        self.torch_topk = torch.topk

    def floor(self, machine):
        return machine.flops(2 * 256 * ROWS * DIM)

    def time_topk(self):
        kernels.topk(self.rows, self.queries, K)

    def time_torch(self):
        self.torch_topk(self.t_queries @ self.t_rows.T, K)


class KnnGraph:
    """The exact graph of 5,000 rows."""

    def setup(self):
        self.rows = unit(0, 5_000, DIM)

    def time_knn_graph(self):
        kernels.knn_graph(self.rows, 16)
