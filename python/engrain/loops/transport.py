"""The earth mover's distance between small distributions, exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import ShapeError

NOTHING = 1e-13


def transport_cost(supply: npt.ArrayLike, demand: npt.ArrayLike, cost: npt.ArrayLike) -> float:
    """Return the least cost of moving `supply`, shape (m,), to `demand`, shape (n,).

    Successive shortest paths with potentials: exact up to rounding, O((m + n)^3) for each path.

    Parameters
    ----------
    supply, demand : array_like
        At least 0, of equal sums.
    cost : array_like, shape (m, n)
        At least 0.

    Raises
    ------
    ShapeError
        Shapes do not agree, or the sums differ.

    References
    ----------
    Edmonds & Karp (1972); Rubner, Tomasi & Guibas (2000).
    """
    left = np.array(supply, dtype=np.float64)
    wanted = np.array(demand, dtype=np.float64)
    price = np.asarray(cost, dtype=np.float64)
    if price.shape != (len(left), len(wanted)) or abs(left.sum() - wanted.sum()) > 1e-9:
        raise ShapeError(
            f"transport: expected cost of shape ({len(left)}, {len(wanted)}) and equal sums, got "
            f"{price.shape} and {left.sum()} for {wanted.sum()}"
        )
    flow = np.zeros_like(price)
    while left.max(initial=0.0) > NOTHING and wanted.max(initial=0.0) > NOTHING:
        path = _shortest(left, wanted, price, flow)
        forward, backward = path[::2], path[1::2]
        moved = min(left[path[0][0]], wanted[path[-1][1]], *(flow[i, j] for i, j in backward))
        for i, j in forward:
            flow[i, j] += moved
        for i, j in backward:
            flow[i, j] -= moved
        left[path[0][0]] -= moved
        wanted[path[-1][1]] -= moved
    return float((flow * price).sum())


def _shortest(
    left: F64Array, wanted: F64Array, price: F64Array, flow: F64Array
) -> list[tuple[int, int]]:
    """Return the cheapest augmenting path: arcs (i, j), alternately filled and emptied."""
    m, n = price.shape
    to_source = np.where(left > NOTHING, 0.0, np.inf)
    to_sink = np.full(n, np.inf)
    from_source = np.full(n, -1)
    from_sink = np.full(m, -1)
    used = flow > NOTHING
    for _ in range(m + n):
        through = to_source[:, None] + price
        best = through.argmin(axis=0)
        shorter = through[best, np.arange(n)] < to_sink - NOTHING
        to_sink[shorter], from_source[shorter] = through.min(axis=0)[shorter], best[shorter]
        back = np.where(used, to_sink[None, :] - price, np.inf)
        nearest = back.argmin(axis=1)
        closer = back[np.arange(m), nearest] < to_source - NOTHING
        to_source[closer], from_sink[closer] = back.min(axis=1)[closer], nearest[closer]
        if not shorter.any() and not closer.any():
            break
    at = int(np.where(wanted > NOTHING, to_sink, np.inf).argmin())
    path: list[tuple[int, int]] = []
    while True:
        source = int(from_source[at])
        path.insert(0, (source, at))
        if from_sink[source] < 0:
            return path
        at = int(from_sink[source])
        path.insert(0, (source, at))
