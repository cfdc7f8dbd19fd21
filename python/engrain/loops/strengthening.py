"""What is often used together grows stronger, what is hardly used fades."""

from __future__ import annotations

import numpy as np

from engrain.base.arrays import BoolArray, F64Array, I64Array
from engrain.loops.material import Links, Material
from engrain.loops.neighbours import NeighbourGraph
from engrain.loops.signals import EdgeType

DAY = 86_400.0


def high_value(material: Material, *, accesses: int = 5, quality: float = 0.7) -> BoolArray:
    """Tell which memories were used more than `accesses` times, and well, shape (n,)."""
    good: BoolArray = (material.accesses > accesses) & (material.quality > quality)
    return good & ~material.faded


def strengthened(
    links: Links,
    graph: NeighbourGraph,
    rows: I64Array,
    valuable: BoolArray,
    *,
    cosine: float = 0.7,
    rate: float = 0.1,
) -> Links:
    """Return the links between valuable neighbours after one step of strengthening.

    Pairs are mutual neighbours in the graph, so that there are at most k per memory and not n^2.
    The step is ``w + rate cos (1 - w)``: bounded, whatever the number of runs.

    Parameters
    ----------
    links : Links
        As they are; a pair without one starts at 0.
    graph : NeighbourGraph
        Of the rows `rows`.
    rows : ndarray of int64
        Rows that are looked at, ascending.
    valuable : ndarray of bool, shape (n,)
    cosine, rate : float

    References
    ----------
    van Rossum, Bi & Turrigiano (2000), soft bounds.
    """
    at = np.flatnonzero(valuable[rows])
    near = graph.rows[at]
    held = (graph.cosines[at] > cosine) & (near >= 0)
    held &= np.where(near >= 0, valuable[near], False)
    a = rows[at][np.nonzero(held)[0]]
    b, cosines = near[held].astype(np.int64), graph.cosines[at][held]
    mutual = _names_back(graph, rows, a, b)
    new = Links.between(a[mutual], b[mutual], cosines[mutual].astype(np.float64), 0)
    size = len(valuable)
    order = np.argsort(links.keys(size), kind="stable")
    keys = links.keys(size)[order]
    places = np.minimum(np.searchsorted(keys, new.keys(size)), max(len(keys) - 1, 0))
    known = keys[places] == new.keys(size) if len(keys) else np.zeros(len(new), np.bool_)
    old = np.zeros(len(new))
    kinds = np.full(len(new), int(EdgeType.Associative))
    old[known] = links.weights[order][places[known]]
    kinds[known] = links.kinds[order][places[known]]
    return Links(new.a, new.b, old + rate * new.weights * (1.0 - old), kinds)


def _names_back(graph: NeighbourGraph, rows: I64Array, a: I64Array, b: I64Array) -> BoolArray:
    """Tell whether b has a among its neighbours; where b was not looked at, a's word counts."""
    place = np.minimum(np.searchsorted(rows, b), len(rows) - 1)
    seen = rows[place] == b if len(rows) else np.zeros(0, np.bool_)
    back = (graph.rows[place] == a[:, None]).any(axis=1)
    answer: BoolArray = back | ~seen
    return answer


def retention(
    accesses: I64Array, created: F64Array, accessed: F64Array, now: float, *, decay: float = 0.5
) -> F64Array:
    """Return how well memories are retained, in (0, 1], by the power law of forgetting.

    Base-level activation by the optimised learning equation, relative to its value one day after
    the last use: (n + 1) uses over an age of L days since creation give
    B = ln((n + 1) / (1 - d)) - d ln L, and r = exp(B) / (exp(B) + 1). It follows from the
    timestamps whenever it is asked for; nothing is written as time goes by.

    Parameters
    ----------
    accesses : ndarray of int64, shape (n,)
    created, accessed : ndarray of float64, shape (n,)
        Seconds since the epoch.
    now : float
    decay : float
        Exponent d in (0, 1).

    References
    ----------
    Anderson & Schooler (1991); Anderson et al. (2004), eq. 4.
    """
    age = np.maximum(now - created, DAY) / DAY
    recent = np.minimum(np.maximum(now - accessed, DAY) / DAY, age)
    spread = (accesses / (1.0 - decay)) * age**-decay
    activation = recent**-decay + spread
    kept: F64Array = activation / (activation + 1.0 / 6.0)
    return kept


def fading(
    material: Material,
    now: float,
    *,
    accesses: int = 2,
    age: float = 30 * DAY,
    threshold: float = 0.5,
) -> BoolArray:
    """Tell which memories fade: few uses, some age, and a retention below the threshold.

    A faded memory is still found; links and dreams pass it over until it is used again.

    Parameters
    ----------
    material : Material
    now : float
    accesses : int
        Memories of at least so many uses never fade.
    age : float
        Seconds below which nothing fades.
    threshold : float
    """
    kept = retention(material.accesses, material.created, material.accessed, now)
    old = now - material.created > age
    faded: BoolArray = (material.accesses < accesses) & old & (kept < threshold) & ~material.faded
    return faded


def revived(material: Material, faded_at: float) -> BoolArray:
    """Tell which faded memories were used after the run that let them fade."""
    found: BoolArray = material.faded & (material.accessed > faded_at)
    return found
