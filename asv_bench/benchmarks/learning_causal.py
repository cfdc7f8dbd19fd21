from __future__ import annotations

import numpy as np

from engrain.learning.causal_discovery import FisherZ, GaussianStatistics, pc
from engrain.learning.neuro_symbolic import Triple, TripleStore, best_paths


class Chain:
    """PC on a chain of 20 variables, beside causal-learn."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.rows = rng.standard_normal((2000, 20))
        for j in range(1, 20):
            self.rows[:, j] += 0.8 * self.rows[:, j - 1]

    def time_pc(self):
        statistics = GaussianStatistics(20)
        statistics.update(self.rows)
        pc(FisherZ(statistics), 0.01)

    def time_causal_learn(self):
        from causallearn.search.ConstraintBased.PC import pc as peer

        peer(self.rows, 0.01, "fisherz", show_progress=False)


class Triples:
    """4,000 additions, beside rdflib, and the strongest paths between two nodes."""

    def setup(self):
        rng = np.random.default_rng(0)
        pairs = rng.integers(0, 500, (4000, 2))
        weights = rng.uniform(0.1, 1.0, 4000)
        self.triples = [
            Triple(str(a), "to", str(b), float(w)) for (a, b), w in zip(pairs, weights, strict=True)
        ]
        self.store = TripleStore()
        self.time_add()

    def time_add(self):
        self.store = TripleStore()
        for triple in self.triples:
            self.store.add(triple)

    def time_rdflib(self):
        import rdflib

        graph, space = rdflib.Graph(), rdflib.Namespace("urn:x:")
        for triple in self.triples:
            graph.add((space[triple.subject], space.to, space[triple.object]))

    def time_best_paths(self):
        best_paths(self.store, "0", "1", k=3)
