from __future__ import annotations

import numpy as np

from engrain import kernels

N, DIM, K = 10_000, 384, 100


def clustered():
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((K, DIM), dtype=np.float32)
    return centres[rng.integers(0, K, N)] + 0.7 * rng.standard_normal((N, DIM), dtype=np.float32)


class Kmeans:
    """Seeding and ten iterations on 10,000 x 384, k = 100, beside scikit-learn and faiss."""

    timeout = 300
    comparisons = {
        "time_kmeans_plus_plus": ["time_sklearn_seeding", "time_sklearn_seeding_of_one_trial"],
        "time_kmeans": ["time_sklearn", "time_faiss"],
    }

    def setup(self):
        import faiss
        from sklearn.cluster import KMeans, kmeans_plusplus

        faiss.omp_set_num_threads(1)
        self.rows = clustered()
        self.seeding, self.lloyd = kmeans_plusplus, KMeans
        self.faiss = faiss.Kmeans

    def time_kmeans_plus_plus(self):
        kernels.kmeans_plus_plus(self.rows, K)

    def time_sklearn_seeding(self):
        self.seeding(self.rows, K, random_state=0)

    def time_sklearn_seeding_of_one_trial(self):
        self.seeding(self.rows, K, random_state=0, n_local_trials=1)

    def time_kmeans(self):
        kernels.kmeans(self.rows, K, iterations=10)

    def time_sklearn(self):
        self.lloyd(K, n_init=1, max_iter=10, tol=0, algorithm="lloyd", random_state=0).fit(
            self.rows
        )

    def time_faiss(self):
        self.faiss(DIM, K, niter=10, seed=0, max_points_per_centroid=10**6).train(self.rows)

    def track_inertia_over_sklearn(self):
        ours = kernels.kmeans(self.rows, K, iterations=10).distances.sum()
        theirs = self.lloyd(K, n_init=1, max_iter=10, tol=0, random_state=0).fit(self.rows)
        return float(ours / theirs.inertia_)
