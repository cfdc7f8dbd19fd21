from __future__ import annotations

from itertools import cycle

import numpy as np

from engrain import kernels

NODES, EDGES = 100_000, 1_000_000


def random_edges():
    rng = np.random.default_rng(0)
    keys = np.unique(rng.integers(0, NODES, EDGES) * NODES + rng.integers(0, NODES, EDGES))
    keys = rng.permutation(keys)
    return keys // NODES, keys % NODES


class UpdateEdges:
    """A batch of known edges, half strengthened and half weakened, beside graph libraries."""

    params = [8, 32, 1024]
    param_names = ["batch"]
    timeout = 300

    def setup(self, batch):
        import igraph
        import networkx as nx
        import rustworkx
        import scipy.sparse

        source, target = random_edges()
        weight = np.full(len(source), 0.5, dtype=np.float32)
        self.table = kernels.EdgeTable(per_node=64)
        self.table.assign(source, target, weight, np.zeros(len(source), dtype=np.uint8))
        pairs = list(zip(source.tolist(), target.tolist(), strict=True))
        self.nx = nx.DiGraph()
        self.nx.add_edges_from((u, v, {"weight": 0.5}) for u, v in pairs)
        self.rx = rustworkx.PyDiGraph()
        self.rx.add_nodes_from(range(NODES))
        self.rx.add_edges_from([(u, v, 0.5) for u, v in pairs])
        self.ig = igraph.Graph(n=NODES, edges=pairs, directed=True)
        self.ig.es["weight"] = weight.tolist()
        self.csr = scipy.sparse.csr_array((weight, (source, target)), shape=(NODES, NODES))
        signal = np.where(np.arange(batch) < batch // 2, 1, -1).astype(np.float32)
        count = 512 if batch < 1024 else 64
        cuts = [slice(i * batch, (i + 1) * batch) for i in range(count)]
        self.batches = cycle([(source[c].copy(), target[c].copy(), signal) for c in cuts])
        self.lists = cycle([list(zip(pairs[c], signal.tolist(), strict=True)) for c in cuts])

    def floor(self, batch, machine):
        line = machine.random_line if batch == 1024 else machine.scattered_word
        return machine.call + batch * line

    def time_update_edges(self, batch):
        self.table.update(*next(self.batches))

    def time_networkx(self, batch):
        for (u, v), s in next(self.lists):
            data = self.nx[u][v]
            w = data["weight"]
            data["weight"] = w + (0.05 * (1 - w) if s > 0 else -0.02 * w)

    def time_rustworkx(self, batch):
        for (u, v), s in next(self.lists):
            w = self.rx.get_edge_data(u, v)
            self.rx.update_edge(u, v, w + (0.05 * (1 - w) if s > 0 else -0.02 * w))

    def time_igraph(self, batch):
        updates = next(self.lists)
        edges = self.ig.es[self.ig.get_eids(pairs=[pair for pair, _ in updates])]
        edges["weight"] = [
            w + (0.05 * (1 - w) if s > 0 else -0.02 * w)
            for w, (_, s) in zip(edges["weight"], updates, strict=True)
        ]

    def time_scipy(self, batch):
        source, target, signal = next(self.batches)
        w = self.csr[source, target]
        self.csr[source, target] = w + np.where(signal > 0, 0.05 * (1 - w), -0.02 * w)


class SpreadActivation:
    """Two hops from three seeds over a million edges."""

    def setup(self):
        source, target = random_edges()
        self.table = kernels.EdgeTable(per_node=64)
        weight = np.full(len(source), 0.5, dtype=np.float32)
        self.table.assign(source, target, weight, np.zeros(len(source), dtype=np.uint8))
        self.seeds, self.activation = np.array([5, 500, 50_000]), np.ones(3, dtype=np.float32)

    def time_spread_activation(self):
        self.table.spread(self.seeds, self.activation)

    def time_decay(self):
        self.table.decay(0.9999999)
