"""What the deep loop works on, and the changes that it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engrain.base.arrays import BoolArray, F64Array, I64Array, U16Array
from engrain.base.errors import ShapeError
from engrain.loops.replay import LoggedQuestion
from engrain.memory.reorganisation import FINISHED, Change, Progress

__all__ = ["FINISHED", "Change", "DeepStore", "Links", "Material", "Progress", "link_change"]


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Undirected weighted links of a kind, each once.

    Attributes
    ----------
    a, b : ndarray of int64, shape (m,)
        Ends, a < b.
    weights : ndarray of float64, shape (m,)
        In (0, 1].
    kinds : ndarray of int64, shape (m,)
        Values of `EdgeType`.
    """

    a: I64Array
    b: I64Array
    weights: F64Array
    kinds: I64Array

    def __post_init__(self) -> None:
        shapes = {self.a.shape, self.b.shape, self.weights.shape, self.kinds.shape}
        if len(shapes) != 1 or (self.a >= self.b).any():
            raise ShapeError(f"links: expected columns of one length and a < b, got {shapes}")

    def __len__(self) -> int:
        return len(self.a)

    @classmethod
    def none(cls) -> Links:
        """Return no links."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, np.zeros(0), empty)

    @classmethod
    def between(cls, a: I64Array, b: I64Array, weights: F64Array, kind: int) -> Links:
        """Return links of one kind, each pair once: of two the heavier."""
        low, high = np.minimum(a, b), np.maximum(a, b)
        order = np.lexsort((-weights, high, low))
        low, high, heavy = low[order], high[order], np.asarray(weights, np.float64)[order]
        first = np.ones(len(low), np.bool_)
        first[1:] = (np.diff(low) != 0) | (np.diff(high) != 0)
        kinds = np.full(int(first.sum()), kind, np.int64)
        return cls(low[first], high[first], heavy[first], kinds)

    def where(self, held: BoolArray) -> Links:
        """Return the links for which `held` is true."""
        return Links(self.a[held], self.b[held], self.weights[held], self.kinds[held])

    def joined(self, other: Links) -> Links:
        """Return these and the others."""
        return Links(
            np.concatenate([self.a, other.a]),
            np.concatenate([self.b, other.b]),
            np.concatenate([self.weights, other.weights]),
            np.concatenate([self.kinds, other.kinds]),
        )

    def keys(self, size: int) -> I64Array:
        """Return one number per pair, for lookups among `size` nodes."""
        return self.a * size + self.b


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Memories as arrays: row i everywhere is the memory `handles[i]`.

    Attributes
    ----------
    handles : ndarray of int64, shape (n,)
        Ascending; memories without a vector are left out.
    vectors : ndarray of uint16, shape (n, dim)
        bfloat16 rows of length 1, centred where the store compares them so.
    accesses : ndarray of int64, shape (n,)
    quality : ndarray of float64, shape (n,)
        Mean outcome in [0, 1], NaN where nothing was said.
    created, accessed : ndarray of float64, shape (n,)
        Seconds since the epoch; `created` is when it could be used first, inf for just now.
    faded : ndarray of bool, shape (n,)
    links : Links
        Between rows.
    questions : tuple of LoggedQuestion
        With rows for memories.
    text : callable, optional
        What the memory of a row says; without it nothing guards a merge but the cosine.
    """

    handles: I64Array
    vectors: U16Array
    accesses: I64Array
    quality: F64Array
    created: F64Array
    accessed: F64Array
    faded: BoolArray
    links: Links
    questions: tuple[LoggedQuestion, ...] = ()
    text: Callable[[int], str] | None = None

    def __len__(self) -> int:
        return len(self.handles)


def link_change(phase: str, handles: I64Array, old: Links, new: Links) -> Change:
    """Return the change from the links `old` to `new`, both between rows of `handles`.

    Pairs in both change their weight and kind, pairs in `old` alone are removed.
    """
    size = len(handles)
    keys = np.union1d(old.keys(size), new.keys(size))
    before, kinds_before = _spread(keys, old, size)
    after, kinds_after = _spread(keys, new, size)
    moved = (before != after) | (kinds_before != kinds_after)
    rows = np.stack([keys // max(size, 1), keys % max(size, 1)], axis=1)[moved]
    return Change(
        phase,
        ends=handles[rows] if size else np.zeros((0, 2), np.int64),
        before=before[moved],
        after=after[moved],
        kinds_before=kinds_before[moved],
        kinds_after=kinds_after[moved],
    )


def _spread(keys: I64Array, links: Links, size: int) -> tuple[F64Array, I64Array]:
    weights, kinds = np.zeros(len(keys)), np.zeros(len(keys), np.int64)
    places = np.searchsorted(keys, links.keys(size))
    weights[places], kinds[places] = links.weights, links.kinds
    return weights, kinds


class DeepStore(Protocol):
    """Where the deep loop reads memories and writes its changes."""

    def material(self) -> Material:
        """Return everything as arrays."""

    def apply(self, change: Change) -> None:
        """Make a change, whole or not at all; what an earlier call made is kept by a crash."""

    def progress(self) -> Progress:
        """Return how far the last run came."""
