"""Domains: communities of memories that are near each other, found over prototypes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engrain.base.arrays import F32Array, F64Array, I64Array
from engrain.kernels import from_bfloat16, kmeans
from engrain.loops.neighbours import NeighbourGraph, NeighbourIndex

MOST = 50
PASSES = 20


@dataclass(frozen=True, slots=True, eq=False)
class Domains:
    """Memories under prototypes, prototypes in domains.

    Attributes
    ----------
    prototypes : ndarray of float32, shape (p, dim)
        Of length 1.
    prototype_of : ndarray of int64, shape (n,)
        Prototype of each memory.
    domain_of : ndarray of int64, shape (p,)
        Domain of each prototype, the largest domain being 0.
    weights : ndarray of float64, shape (domains, domains)
        Similarity that passes between domains.
    """

    prototypes: F32Array
    prototype_of: I64Array
    domain_of: I64Array
    weights: F64Array

    @property
    def count(self) -> int:
        """Number of domains."""
        return len(self.weights)

    def members(self, domain: int) -> I64Array:
        """Return the prototypes of a domain."""
        return np.flatnonzero(self.domain_of == domain)

    def memories(self) -> I64Array:
        """Return the domain of each memory, shape (n,)."""
        return self.domain_of[self.prototype_of]


def identify_domains(
    index: NeighbourIndex, graph: NeighbourGraph, *, most: int = MOST, seed: int = 0
) -> Domains:
    """Find communities of the neighbour graph.

    Prototypes are the index's lists, or spherical k-means centres of about 2 sqrt(n); links of the
    graph are summed between them, and Louvain's local moves and aggregation raise modularity on
    that small weighted graph. Beyond `most` the smallest domains join the one they are linked to
    most.

    Parameters
    ----------
    index : NeighbourIndex
    graph : NeighbourGraph
        Of all rows.
    most : int
    seed : int

    References
    ----------
    Newman (2006), modularity; Blondel et al. (2008).
    """
    prototypes, of = _prototypes(index, seed)
    if not len(prototypes):
        return Domains(prototypes, of, np.zeros(0, np.int64), np.zeros((0, 0)))
    weights = _between(graph, of, len(prototypes))
    labels = _by_size(_joined(louvain(weights), weights, most), of)
    return Domains(prototypes, of, labels, _summed(weights, labels))


def _prototypes(index: NeighbourIndex, seed: int) -> tuple[F32Array, I64Array]:
    if len(index.centres) > 1 or not len(index):
        return index.centres[: len(index)], index.labels
    rows = from_bfloat16(index.rows)
    found = kmeans(rows, min(len(rows), round(2 * math.sqrt(len(rows)))), spherical=True, seed=seed)
    return found.centres, found.labels


def _between(graph: NeighbourGraph, of: I64Array, size: int) -> F64Array:
    """Return the summed positive cosines between prototypes, symmetric, with those inside."""
    held = graph.cosines > 0
    a = np.repeat(of, held.sum(axis=1))
    key = a * size + of[graph.rows[held]]
    total = np.bincount(key, graph.cosines[held], minlength=size * size).reshape(size, size)
    return (total + total.T).astype(np.float64)


def louvain(weights: F64Array) -> I64Array:
    """Return the community of each node of a small dense graph, shape (n,).

    Parameters
    ----------
    weights : ndarray of float64, shape (n, n)
        Symmetric, at least 0; the diagonal holds what is inside a node, both ways counted.
    """
    labels = np.arange(len(weights))
    while True:
        moved = _local_moves(weights)
        labels = moved[labels]
        if len(np.unique(moved)) == len(weights):
            return labels
        weights = _summed(weights, moved)


def _local_moves(weights: F64Array) -> I64Array:
    """Move nodes to the neighbouring community of greatest gain in modularity, until none gains."""
    n = len(weights)
    labels, degree = np.arange(n), weights.sum(axis=1)
    total = max(float(degree.sum()), 1e-300)
    held = degree.copy()
    for _ in range(PASSES):
        moves = 0
        for node in range(n):
            own = int(labels[node])
            held[own] -= degree[node]
            links = weights[node].copy()
            links[node] = 0.0
            gain = np.bincount(labels, links, minlength=n) - held * degree[node] / total
            best = int(np.argmax(gain))
            if gain[best] <= gain[own] + 1e-12 * total:
                best = own
            held[best] += degree[node]
            labels[node] = best
            moves += best != own
        if not moves:
            break
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _summed(weights: F64Array, labels: I64Array) -> F64Array:
    size = int(labels.max(initial=-1)) + 1
    member = np.zeros((len(labels), size))
    member[np.arange(len(labels)), labels] = 1.0
    summed: F64Array = member.T @ weights @ member
    return summed


def _joined(labels: I64Array, weights: F64Array, most: int) -> I64Array:
    """Join the least linked communities to their nearest until at most `most` are left."""
    while int(labels.max(initial=-1)) >= most:
        between = _summed(weights, labels)
        least = int(np.argmin(between.sum(axis=1)))
        between[least, least] = -1.0
        labels = np.where(labels == least, int(np.argmax(between[least])), labels)
        labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    return labels


def _by_size(labels: I64Array, of: I64Array) -> I64Array:
    sizes = np.bincount(labels[of], minlength=int(labels.max()) + 1)
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank[labels]
