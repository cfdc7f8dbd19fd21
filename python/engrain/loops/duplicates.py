"""Near-duplicates: groups in which every two memories say the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from engrain.base.arrays import F32Array, F64Array, I64Array, U16Array
from engrain.base.errors import ConfigError
from engrain.kernels import from_bfloat16
from engrain.loops.wording import Wording

MERGE_COSINE = 0.95
LARGEST_GROUP = 64
KEPT_WORDINGS = 65_536


def near_duplicates(
    pairs: tuple[I64Array, I64Array, F32Array],
    vectors: U16Array,
    worth: F64Array,
    *,
    text: Callable[[int], str] | None = None,
    cosine: float = MERGE_COSINE,
) -> I64Array:
    """Return pairs (primary, secondary) of rows to merge, shape (m, 2).

    Groups grow from the nearest pair on and only by complete linkage: each two members have at
    least that cosine and, where texts are known, agree in wording. So nothing chains, and the
    order of merges does not matter. The member of greatest worth is the primary, of equals the
    first.

    Parameters
    ----------
    pairs : tuple of ndarray
        Neighbouring rows a < b and their cosines, as `NeighbourGraph.pairs` returns them.
    vectors : ndarray of uint16, shape (n, dim)
        bfloat16 rows of length 1.
    worth : ndarray of float64, shape (n,)
    text : callable, optional
        What the memory of a row says.
    cosine : float
        In (0, 1].

    Raises
    ------
    ConfigError

    References
    ----------
    Defays (1977), complete linkage.
    """
    if not 0.0 < cosine <= 1.0:
        raise ConfigError(f"cosine: expected a number in (0, 1], got {cosine!r}")
    a, b, cosines = pairs
    near = cosines >= cosine
    order = np.lexsort((b[near], a[near], -cosines[near]))
    groups = _Groups(vectors, text, cosine)
    for one, other in zip(a[near][order].tolist(), b[near][order].tolist(), strict=True):
        groups.join(one, other)
    merges = [merge for members in groups.found() for merge in _merges(members, worth)]
    return np.array(merges, np.int64).reshape(-1, 2)


def _merges(members: list[int], worth: F64Array) -> list[tuple[int, int]]:
    primary = max(members, key=lambda row: (worth[row], -row))
    return [(primary, row) for row in sorted(members) if row != primary]


class _Groups:
    """Disjoint groups of rows, joined only as wholes that agree."""

    def __init__(self, vectors: U16Array, text: Callable[[int], str] | None, cosine: float) -> None:
        self._vectors, self._cosine = vectors, np.float32(cosine)
        self._group: dict[int, list[int]] = {}
        self._wording = text and lru_cache(KEPT_WORDINGS)(lambda row: Wording.of(text(row)))

    def found(self) -> list[list[int]]:
        distinct = {id(group): group for group in self._group.values()}
        return sorted(distinct.values(), key=min)

    def join(self, a: int, b: int) -> None:
        one, other = self._group.get(a, [a]), self._group.get(b, [b])
        if one is other or len(one) + len(other) > LARGEST_GROUP or not self._agree(one, other):
            return
        joined = one + other
        for row in joined:
            self._group[row] = joined

    def _agree(self, one: list[int], other: list[int]) -> bool:
        if self._wording is not None and not all(
            self._wording(i).agrees(self._wording(j)) for i in one for j in other
        ):
            return False
        if len(one) == len(other) == 1:
            return True  # the pair itself, whose cosine is known
        left = from_bfloat16(np.ascontiguousarray(self._vectors[one]))
        right = from_bfloat16(np.ascontiguousarray(self._vectors[other]))
        return bool((left @ right.T >= self._cosine).all())
