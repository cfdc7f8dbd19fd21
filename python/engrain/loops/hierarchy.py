"""Concept hierarchies: Ward's method on directions, each stable cluster once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from engrain.base.arrays import F32Array, F64Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError

LARGEST = 20_000


class Linkage(Enum):
    """How the distance of two clusters follows from that of their members."""

    Ward = "ward"


class Distance(Enum):
    """What is near: directions (rows scaled to length 1, |u - v|^2 = 2 - 2 cos) or points."""

    Cosine = "cosine"
    Euclidean = "euclidean"


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """A node of the tree.

    Attributes
    ----------
    members : ndarray of int64
        Rows, ascending.
    stability : float
        Height of its parent's merge over its own, at least 1: how much coarser one may look before
        it dissolves.
    height : float
        Ward distance of the merge that made it.
    """

    members: I64Array
    stability: float
    height: float


class Dendrogram:
    """The tree of all merges.

    Parameters
    ----------
    merges : ndarray of float64, shape (n - 1, 4)
        Children, height and size, in SciPy's convention: rows below n are the points, row n + i is
        the i-th merge; heights ascend.

    Attributes
    ----------
    merges : ndarray of float64, shape (n - 1, 4)
    """

    def __init__(self, merges: F64Array) -> None:
        self.merges = merges

    def cut(self, clusters: int) -> I64Array:
        """Return the label of each row when `clusters` of them are left, shape (n,).

        Raises
        ------
        ConfigError
            Not in 1..n.
        """
        n = len(self.merges) + 1
        if not 1 <= clusters <= n:
            raise ConfigError(f"clusters: expected 1..{n}, got {clusters}")
        labels = np.arange(2 * n - 1)
        for i in range(n - 2, -1, -1):
            if i < n - clusters:
                labels[self.merges[i, :2].astype(np.int64)] = labels[n + i]
        found: I64Array = np.unique(labels[:n], return_inverse=True)[1].astype(np.int64)
        return found

    def stable_clusters(self, *, min_size: int = 4, min_stability: float = 2.0) -> list[Cluster]:
        """Return the clusters that stand out from their surroundings, the coarsest first.

        A cluster stands out if its parent's merge is `min_stability` times as high as its own. Each
        node of the tree appears at most once, and the root, which holds everything, never.

        Parameters
        ----------
        min_size : int
        min_stability : float
            At least 1.
        """
        n = len(self.merges) + 1
        members: list[I64Array] = [np.array([i]) for i in range(n)]
        parent_height = np.full(2 * n - 1, np.inf)
        for left, right, height, _ in self.merges:
            children = [int(left), int(right)]
            parent_height[children] = height
            members.append(np.sort(np.concatenate([members[c] for c in children])))
        found = []
        for i, (_, _, height, size) in enumerate(self.merges[:-1]):
            above = parent_height[n + i]
            stability = float(above / height) if height > 0 else np.inf
            if size >= min_size and stability >= min_stability:
                found.append(Cluster(members[n + i], stability, float(height)))
        return found[::-1]


class HierarchicalClustering:
    """Agglomerative clustering by nearest-neighbour chains, O(n^2) in time and memory.

    Parameters
    ----------
    linkage : Linkage
    distance : Distance
        Ward's criterion is one of squared Euclidean distances; for cosine the rows are scaled to
        length 1 first, where both order pairs alike.
    """

    def __init__(
        self, linkage: Linkage = Linkage.Ward, distance: Distance = Distance.Cosine
    ) -> None:
        self._linkage, self._distance = linkage, distance

    def linkage(self, linkage: Linkage) -> HierarchicalClustering:
        """Return the same with another linkage."""
        return HierarchicalClustering(linkage, self._distance)

    def distance(self, distance: Distance) -> HierarchicalClustering:
        """Return the same with another distance."""
        return HierarchicalClustering(self._linkage, distance)

    def fit(self, rows: F32Array) -> Dendrogram:
        """Return the tree of `rows`, shape (n, dim) with n in 1..20,000.

        Raises
        ------
        ShapeError
            No row, too many, or one of length 0 where directions are asked for.
        NonFiniteError

        References
        ----------
        Ward (1963); Murtagh (1983) for chains; Müllner (2013).
        """
        points = np.asarray(rows, dtype=np.float64)
        if points.ndim != 2 or not 1 <= len(points) <= LARGEST:
            raise ShapeError(f"rows: expected (1..{LARGEST}, dim), got {points.shape}")
        if not np.isfinite(points).all():
            raise NonFiniteError("rows: contain NaN or infinity")
        if self._distance is Distance.Cosine:
            lengths = np.linalg.norm(points, axis=1, keepdims=True)
            if not lengths.all():
                raise ShapeError("rows: one of length 0 has no direction; leave it out")
            points = points / lengths
        return Dendrogram(_ordered(_chain(_squared_distances(points))))


def _squared_distances(points: F64Array) -> F64Array:
    norms = np.einsum("ij,ij->i", points, points)
    squares: F64Array = np.maximum(norms[:, None] + norms - 2.0 * points @ points.T, 0.0)
    np.fill_diagonal(squares, np.inf)
    return squares


def _chain(squares: F64Array) -> F64Array:
    """Return n - 1 merges (a, b, height, size), a and b naming slots; b's slot lives on."""
    n = len(squares)
    sizes, merges = np.ones(n), np.zeros((n - 1, 4))
    chain: list[int] = []
    for i in range(n - 1):
        if not chain:
            chain.append(int(np.flatnonzero(sizes)[0]))
        while True:
            end = chain[-1]
            nearest = int(np.argmin(squares[end]))
            if len(chain) > 1 and squares[end, nearest] >= squares[end, chain[-2]]:
                break
            chain.append(nearest)
        a, b = chain.pop(), chain.pop()
        height = squares[a, b]
        merges[i] = a, b, np.sqrt(height), sizes[a] + sizes[b]
        _join(squares, sizes, a, b, height)
    return merges


def _join(squares: F64Array, sizes: F64Array, a: int, b: int, height: float) -> None:
    """Update the distances by Lance and Williams' formula for Ward; slot a becomes empty."""
    others = np.flatnonzero(sizes)
    others = others[(others != a) & (others != b)]
    k = sizes[others]
    joined = (
        (sizes[a] + k) * squares[a, others] + (sizes[b] + k) * squares[b, others] - k * height
    ) / (sizes[a] + sizes[b] + k)
    squares[b, others] = squares[others, b] = joined
    squares[a, :] = squares[:, a] = np.inf
    sizes[b] += sizes[a]
    sizes[a] = 0.0


def _ordered(merges: F64Array) -> F64Array:
    """Sort merges by height and name clusters as SciPy does."""
    n = len(merges) + 1
    node, ordered = np.arange(n), merges[np.argsort(merges[:, 2], kind="stable")]
    for i, (a, b) in enumerate(ordered[:, :2].astype(np.int64)):
        ordered[i, :2] = sorted((node[a], node[b]))
        node[b] = n + i
    return ordered
