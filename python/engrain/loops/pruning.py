"""Weak links: those that count little at both of their ends."""

from __future__ import annotations

import numpy as np

from engrain.base.arrays import BoolArray, F64Array, I64Array
from engrain.loops.material import Links

KEPT = 16
RELATIVE = 0.01
MOST = 64  # links that a memory can hold


def weak_links(
    links: Links, nodes: int, *, kept: int = KEPT, relative: float = RELATIVE
) -> BoolArray:
    """Tell which links are weak at both ends, shape (m,).

    A link is strong at a node if it is among the node's `kept` heaviest and has at least
    `relative` of the weight of its heaviest: weights are compared with their neighbours, since an
    absolute threshold means nothing where learning scales them.

    Parameters
    ----------
    links : Links
    nodes : int
    kept : int
    relative : float
    """
    strong = np.zeros(len(links), np.bool_)
    for ends in (links.a, links.b):
        strong |= _strong(links, ends, nodes, kept, relative)
    return ~strong


def within_cap(links: Links, nodes: int, *, most: int = MOST) -> Links:
    """Return the links that are among the `most` heaviest at both of their ends."""
    held = np.ones(len(links), np.bool_)
    for ends in (links.a, links.b):
        held &= _strong(links, ends, nodes, most, 0.0)
    return links if held.all() else links.where(held)


def _strong(links: Links, ends: I64Array, nodes: int, kept: int, relative: float) -> BoolArray:
    """Tell which links are strong at their end in `ends`, counting all links of that node."""
    both = np.concatenate([links.a, links.b])
    weights = np.concatenate([links.weights, links.weights])
    heaviest: F64Array = np.zeros(nodes)
    np.maximum.at(heaviest, both, weights)
    order = np.lexsort((-weights, both))
    place = np.empty(len(both), np.int64)
    first = np.searchsorted(both[order], np.arange(nodes))
    place[order] = np.arange(len(both)) - first[both[order]]
    half = slice(0, len(links)) if ends is links.a else slice(len(links), None)
    found: BoolArray = (place[half] < kept) & (links.weights >= relative * heaviest[ends])
    return found
