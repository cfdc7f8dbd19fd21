"""The nearest neighbours of every memory: exact for small sets, by inverted lists beyond."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engrain.base.arrays import F32Array, I32Array, I64Array, U16Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.kernels import (
    CodedLists,
    code_lists,
    from_bfloat16,
    kmeans,
    search_lists,
    to_bfloat16,
)
from engrain.loops.folder import map_folder, write_folder

EXACT = 20_000  # up to so many rows every pair is compared
PROBES = 20  # lists that a row looks into beyond that
PER_LIST = 40  # sampled rows per list from which the lists' centres are learned
CHUNK = 65_536  # rows that are converted or compared at a time


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourGraph:
    """The k nearest other rows of every row, by cosine.

    Attributes
    ----------
    rows : ndarray of int32, shape (n, k)
        Nearest first, -1 where there are fewer.
    cosines : ndarray of float32, shape (n, k)
        -inf where there are fewer.
    """

    rows: I32Array
    cosines: F32Array

    def __len__(self) -> int:
        return len(self.rows)

    def near_pairs(self, rows: I64Array, least: float) -> tuple[I64Array, I64Array, F32Array]:
        """Return each pair of at least that cosine once: a < b and their cosine.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            What the rows of this graph stand for.
        least : float
        """
        held = (self.cosines >= least) & (self.rows >= 0)
        a, b = rows[np.nonzero(held)[0]], self.rows[held].astype(np.int64)
        low, high, cosines = np.minimum(a, b), np.maximum(a, b), self.cosines[held]
        size = int(high.max(initial=0)) + 1
        _, first = np.unique(low * size + high, return_index=True)
        return low[first], high[first], cosines[first]


class NeighbourIndex:
    """Unit vectors as bfloat16 in lists by nearest centre, with int8 codes beside them.

    A million rows of 384 take .77 GB, their codes .38 GB; every score is computed in float32.

    Parameters
    ----------
    rows : ndarray of uint16, shape (n, dim)
        bfloat16, each of length 1; kept, not copied.
    centres : ndarray of float32, shape (lists, dim)
    labels : ndarray of int64, shape (n,)
        List of each row.
    """

    def __init__(self, rows: U16Array, centres: F32Array, labels: I64Array) -> None:
        self.rows, self.centres, self.labels = rows, centres, labels
        self._lists = code_lists(rows, labels, len(centres))
        self._coarse = code_lists(
            to_bfloat16(centres), np.zeros(len(centres), np.int64), min(1, len(centres))
        )

    def __len__(self) -> int:
        return len(self.rows)

    def save(self, folder: Path) -> None:
        """Write rows and lists as files that `open` maps; an older snapshot is replaced whole."""
        write_folder(folder, {"rows": self.rows, "centres": self.centres, "labels": self.labels})

    @classmethod
    def open(cls, folder: Path) -> NeighbourIndex:
        """Map a snapshot: rows are read from disk as they are needed.

        Raises
        ------
        SnapshotError
            There is none, or it is of another form.
        """
        arrays = map_folder(folder)
        if set(arrays) != {"rows", "centres", "labels"} or arrays["rows"].dtype != np.uint16:
            raise SnapshotError(f"{folder}: not a snapshot of neighbours")
        return cls(arrays["rows"], np.array(arrays["centres"]), np.array(arrays["labels"]))

    @classmethod
    def build(cls, vectors: F32Array, *, seed: int = 0) -> NeighbourIndex:
        """Index vectors, shape (n, dim), scaled to length 1.

        Raises
        ------
        ShapeError
            Not two-dimensional, or a row of length 0, which has no direction.
        NonFiniteError
        """
        return cls.of_rows(unit_bfloat16(vectors), seed=seed)

    @classmethod
    def of_rows(cls, rows: U16Array, *, seed: int = 0) -> NeighbourIndex:
        """Index bfloat16 rows of length 1, shape (n, dim), without copying them."""
        lists = 1 if len(rows) <= EXACT else round(2 * math.sqrt(len(rows)))
        centres = _centres(rows, lists, seed)
        labels = np.zeros(len(rows), np.int64)
        if lists > 1:
            coarse = code_lists(to_bfloat16(centres), np.zeros(lists, np.int64), 1)
            labels = search_in(coarse, rows, 1)[0][:, 0].astype(np.int64)
        return cls(rows, centres, labels)

    def graph(self, k: int = 16) -> NeighbourGraph:
        """Return the k nearest other rows of every row.

        References
        ----------
        Exact below 20,000 rows; beyond, inverted lists (Jégou, Douze & Schmid 2011), each row
        looking into the lists of its nearest centres.
        """
        return NeighbourGraph(*self.nearest(np.arange(len(self)), k))

    def nearest(self, which: I64Array, k: int = 16) -> tuple[I32Array, F32Array]:
        """Return the k nearest other rows of the rows `which`, shape (len(which), k), and cosines.

        Raises
        ------
        ConfigError
            k below 1.
        """
        if k < 1:
            raise ConfigError(f"k: expected at least 1, got {k}")
        order = np.argsort(self.labels[which], kind="stable")
        found = np.empty((len(which), k), np.int32)
        cosines = np.empty((len(which), k), np.float32)
        for first in range(0, len(which), CHUNK):
            places = order[first : first + CHUNK]
            own = which[places].astype(np.int32)
            found[places], cosines[places] = self._probe(self.rows[own], own, k)
        return found, cosines

    def search(self, queries: F32Array, k: int) -> tuple[I32Array, F32Array]:
        """Return the k rows nearest to each of `queries`, shape (m, dim), and their cosines."""
        return self._probe(unit_bfloat16(queries), None, k)

    def _probe(self, queries: U16Array, own: I32Array | None, k: int) -> tuple[I32Array, F32Array]:
        lists = len(self.centres)
        if lists == 1:
            probes = np.zeros((len(queries), 1), np.int32)
        else:
            probes = search_in(self._coarse, queries, min(PROBES, lists))[0]
        return search_lists(self._lists, queries, probes, k, own=own)


def unit_bfloat16(vectors: F32Array) -> U16Array:
    """Return rows scaled to length 1 as bfloat16.

    Raises
    ------
    ShapeError, NonFiniteError
        As in `NeighbourIndex.build`.
    """
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ShapeError(f"vectors: expected shape (n, dim), got {vectors.shape}")
    out = np.empty(vectors.shape, np.uint16)
    for first in range(0, len(vectors), CHUNK):
        part = np.asarray(vectors[first : first + CHUNK], np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", part, part, dtype=np.float64))
        if not np.isfinite(lengths).all():
            raise NonFiniteError("vectors: contain NaN or infinity")
        if not lengths.all():
            at = first + int(np.flatnonzero(lengths == 0)[0])
            raise ShapeError(f"vectors: row {at} has length 0 and no direction; leave it out")
        scaled = (part / lengths[:, None]).astype(np.float32)
        out[first : first + CHUNK] = to_bfloat16(scaled)
    return out


def _centres(rows: U16Array, lists: int, seed: int) -> F32Array:
    if lists == 1:
        return np.zeros((1, rows.shape[1]), np.float32)
    rng = np.random.Generator(np.random.Philox(seed))
    sample = rng.choice(len(rows), min(len(rows), PER_LIST * lists), replace=False)
    found = kmeans(
        from_bfloat16(rows[np.sort(sample)]), lists, iterations=6, spherical=True, seed=seed
    )
    return found.centres


def search_in(lists: CodedLists, queries: U16Array, k: int) -> tuple[I32Array, F32Array]:
    """Return the k rows nearest to each bfloat16 query in a set of one list, and their scores."""
    return search_lists(lists, queries, np.zeros((len(queries), 1), np.int32), k)
