"""Hebbian edges between memories under the names of the loops' specification."""

from __future__ import annotations

import numpy as np

from engrain.kernels import EdgeTable
from engrain.loops.signals import EdgeType, EdgeUpdate


class MemoryGraph:
    """Directed edges whose weights stay in [0, 1]: an edge that is not there has the weight 0.

    Parameters
    ----------
    per_node : int
        Most edges that leave a node; the weakest gives way.
    max_edges : int

    Attributes
    ----------
    edges : EdgeTable
        The table itself, for batches, spreading activation and decay.
    """

    def __init__(self, *, per_node: int = 32, max_edges: int = 1 << 24) -> None:
        self.edges = EdgeTable(per_node=per_node, max_edges=max_edges, eta=1.0)

    def update_edge_weight(
        self,
        anchor_node: int,
        node_id: int,
        update: EdgeUpdate,
        kind: EdgeType = EdgeType.Associative,
    ) -> float:
        """Take one soft-bounded step of an edge's weight and return it.

        Raises
        ------
        ValueError
            A node is below 0.
        """
        source, target = (np.array([node], np.int64) for node in (anchor_node, node_id))
        signal = update.rate if update.goal > 0.5 else -update.rate
        self.edges.update(source, target, np.array([signal], np.float32), int(kind))
        return float(self.edges.weights(source, target)[0])
