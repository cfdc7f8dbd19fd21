"""Patterns: what questions have in common, found by spherical k-means and kept without doubles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, F64Array, I64Array, NamedArrays, as_vector
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.kernels import kmeans, merge_patterns

MERGE_COSINE = 0.9
LLOYD_STEPS = 6
KINDS = {"ids": np.int64, "sums": np.float64, "counts": np.float64, "levels": np.int64}


@dataclass(frozen=True, slots=True, eq=False)
class LearnedPattern:
    """A direction that many questions share.

    Attributes
    ----------
    centroid : ndarray of float32, shape (dim,)
        Of length 1.
    confidence : float
        Mean resultant length of its members, in [0, 1]: 1 if all are equal, near 0 if they point
        everywhere (Mardia & Jupp 2000).
    abstraction_level : int
        0 for a pattern of questions, above for a pattern of patterns.
    child_patterns : tuple of int
        Ids of the patterns that a pattern of patterns stands for.
    size : float
        Number of questions behind it.
    """

    centroid: F32Array
    confidence: float
    abstraction_level: int = 0
    child_patterns: tuple[int, ...] = ()
    size: float = 1.0


class ReasoningBank:
    """Patterns by id; one that says what a stored one says is merged into it.

    Each is kept as its sum vector and count, so that merging is addition and the confidence of a
    merged pattern is exact.

    Parameters
    ----------
    dim : int
    capacity : int
        Beyond it the pattern of the fewest questions gives way.
    merge_cosine : float
        In (0, 1]: from this cosine on, patterns of one level are one.
    """

    def __init__(
        self, dim: int, *, capacity: int = 10_000, merge_cosine: float = MERGE_COSINE
    ) -> None:
        if min(dim, capacity) < 1 or not 0.0 < merge_cosine <= 1.0:
            raise ConfigError(
                "dim, capacity, merge_cosine: expected sizes of at least 1 and a cosine in (0, 1], "
                f"got {dim}, {capacity} and {merge_cosine}"
            )
        self.dim, self.capacity, self.merge_cosine = dim, capacity, merge_cosine
        self._next = 0
        self._columns: NamedArrays = {}
        self._adopt(_empty(dim))

    def __len__(self) -> int:
        return self._held

    @property
    def _ids(self) -> I64Array:
        return self._columns["ids"][: self._held]

    @property
    def _sums(self) -> F64Array:
        return self._columns["sums"][: self._held]

    @property
    def _counts(self) -> F64Array:
        return self._columns["counts"][: self._held]

    @property
    def _levels(self) -> I64Array:
        return self._columns["levels"][: self._held]

    @property
    def _units(self) -> F64Array:
        """The sums at length 1."""
        return self._columns["units"][: self._held]

    def store(self, pattern: LearnedPattern) -> int:
        """Keep a pattern of questions and return its id, that of the stored one if it has a double.

        Raises
        ------
        ShapeError, NonFiniteError, ConfigError
            Nothing was changed.
        """
        return self.store_all([pattern])[0]

    def store_all(self, patterns: Sequence[LearnedPattern]) -> list[int]:
        """Keep patterns of questions as `store` does, one after the other, in one compiled call.

        Raises
        ------
        ShapeError, NonFiniteError, ConfigError
            Nothing was changed.
        """
        return self._put(patterns, 0)

    def store_meta(self, pattern: LearnedPattern) -> int:
        """Keep a pattern of patterns; its level is at least 1."""
        return self._put([pattern], max(1, pattern.abstraction_level))[0]

    def drop_meta(self) -> None:
        """Forget all patterns of patterns, so that they can be built anew."""
        low = np.flatnonzero(self._levels == 0)
        for id in self._ids[self._levels > 0].tolist():
            self._children.pop(id, None)
        self._columns = {name: column[low] for name, column in self._columns.items()}
        self._held = len(low)

    def nearest(self, query: F32Array, k: int = 5) -> list[tuple[int, float]]:
        """Return ids and cosines of the k patterns of questions nearest to `query`, best first."""
        rows = np.flatnonzero(self._levels == 0)
        cosines = self._units[rows] @ _direction(as_vector(query, self.dim, "query"))
        best = np.argsort(-cosines, kind="stable")[:k]
        return [(int(self._ids[rows[i]]), float(cosines[i])) for i in best]

    def get_all_patterns(self) -> dict[int, LearnedPattern]:
        """Return every pattern by id, in the order of ids."""
        lengths = np.linalg.norm(self._sums, axis=1)
        directions = self._units.astype(np.float32)
        return {
            int(self._ids[i]): LearnedPattern(
                directions[i],
                float(lengths[i] / self._counts[i]),
                int(self._levels[i]),
                self._children.get(int(self._ids[i]), ()),
                float(self._counts[i]),
            )
            for i in range(len(self))
        }

    def export(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything learned: restores bit for bit with `load`."""
        pairs = [(parent, child) for parent, ids in self._children.items() for child in ids]
        return {
            "ids": self._ids.copy(),
            "sums": self._sums.copy(),
            "counts": self._counts.copy(),
            "levels": self._levels.copy(),
            "children": np.array(pairs, dtype=np.int64).reshape(-1, 2),
            "next": np.array([self._next], dtype=np.int64),
        }

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what `export` returned.

        Raises
        ------
        SnapshotError
            Patterns of another width, or more than `capacity`.
        """
        sums = state["sums"]
        if sums.ndim != 2 or sums.shape[1] != self.dim or len(sums) > self.capacity:
            raise SnapshotError(
                f"sums: expected shape (at most {self.capacity}, {self.dim}), got {sums.shape}"
            )
        self._adopt(state)
        self._next = int(state["next"][0])

    def _adopt(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self._columns = {name: np.array(state[name], dtype=kind) for name, kind in KINDS.items()}
        self._columns["units"] = _directions(self._columns["sums"])
        self._held = len(state["ids"])
        self._children: dict[int, tuple[int, ...]] = {}
        for parent, child in state["children"].tolist():
            self._children[parent] = (*self._children.get(parent, ()), child)

    def _put(self, patterns: Sequence[LearnedPattern], level: int) -> list[int]:
        if not patterns:
            return []
        centroids = np.stack([as_vector(p.centroid, self.dim, "centroid") for p in patterns])
        for p in patterns:
            if not (0.0 < p.confidence <= 1.0 + 1e-6 and 0.0 < p.size < np.inf):
                raise ConfigError(
                    "confidence, size: expected a share above 0 and a number above 0, got "
                    f"{p.confidence} and {p.size}"
                )
        self._make_room(len(patterns))
        self._held, kept, gone = merge_patterns(
            self._columns,
            self._held,
            self._next,
            centroids,
            np.array([p.confidence for p in patterns]),
            np.array([p.size for p in patterns], dtype=np.float64),
            level=level,
            cosine=self.merge_cosine,
            capacity=self.capacity,
        )
        self._children |= {id: p.child_patterns for id, p in enumerate(patterns, self._next)}
        self._next += len(patterns)
        for stays, went in gone.tolist():
            self._hand_over(went, stays)
        ids: list[int] = kept.tolist()
        return ids

    def _make_room(self, more: int) -> None:
        room = len(self._columns["ids"])
        if self._held + more <= room:
            return
        for name, column in self._columns.items():
            rows = np.zeros((max(more, room), *column.shape[1:]), column.dtype)
            self._columns[name] = np.concatenate([column, rows])

    def _hand_over(self, went: int, stays: int) -> None:
        """Give the children of a pattern that is gone to the one that stands for it, if any."""
        children = self._children.pop(went, ())
        if stays >= 0:
            self._children[stays] = tuple(sorted({*self._children.get(stays, ()), *children}))


class PatternExtractor:
    """Finds the patterns of a batch of questions.

    Parameters
    ----------
    reasoning_bank : ReasoningBank
        Where they are kept.
    seed : int
    """

    def __init__(self, reasoning_bank: ReasoningBank, *, seed: int = 0) -> None:
        self.reasoning_bank = reasoning_bank
        self._seed = seed

    def extract(self, embeddings: F32Array, num_clusters: int) -> list[LearnedPattern]:
        """Return at most `num_clusters` patterns: spherical k-means with D^2 seeding.

        Parameters
        ----------
        embeddings : ndarray of float32, shape (n, dim), C-contiguous
            Rows of length 0 say nothing and are left out.
        num_clusters : int

        Returns
        -------
        list of LearnedPattern
            The largest first; a cluster without members yields none.

        Raises
        ------
        ShapeError, NonFiniteError

        References
        ----------
        Dhillon & Modha (2001); Arthur & Vassilvitskii (2007).
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.reasoning_bank.dim:
            raise ShapeError(
                f"embeddings: expected shape (n, {self.reasoning_bank.dim}), got {embeddings.shape}"
            )
        squares = np.einsum("ij,ij->i", embeddings, embeddings)
        says = (squares > 0) & np.isfinite(squares)
        if not says.all():
            if not np.isfinite(embeddings).all():
                raise NonFiniteError("embeddings: contain NaN or infinity")
            embeddings = embeddings[says]
        if not len(embeddings):
            return []
        k = min(num_clusters, len(embeddings))
        found = kmeans(embeddings, k, iterations=LLOYD_STEPS, spherical=True, seed=self._seed)
        made = [_pattern(*c) for c in zip(found.sums, found.counts.tolist(), strict=True) if c[1]]
        return sorted(made, key=lambda p: -p.size)


def _pattern(total: F64Array, size: int) -> LearnedPattern:
    length = float(np.linalg.norm(total))
    centroid = (total / (length or 1.0)).astype(np.float32)
    return LearnedPattern(centroid, length / size, size=float(size))


def _direction(vector: F32Array) -> F64Array:
    wide = vector.astype(np.float64)
    length = np.linalg.norm(wide)
    if not length > 0:
        raise ShapeError("a vector of length 0 has no direction; leave it out")
    unit: F64Array = wide / length
    return unit


def _directions(sums: F64Array) -> F64Array:
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    rows: F64Array = sums / np.where(lengths > 0, lengths, 1.0)
    return rows


def _empty(dim: int) -> dict[str, npt.NDArray[Any]]:
    none = np.zeros(0, dtype=np.int64)
    return {
        "ids": none,
        "sums": np.zeros((0, dim)),
        "counts": np.zeros(0),
        "levels": none,
        "children": np.zeros((0, 2), dtype=np.int64),
    }
