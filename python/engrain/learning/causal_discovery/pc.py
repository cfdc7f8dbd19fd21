"""The PC algorithm: skeleton, unshielded colliders, Meek's rules.

Source: Spirtes, Glymour & Scheines (2000), chapter 5; order-independent skeleton after Colombo &
Maathuis (2014); orientation rules of Meek (1995).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np

from engrain.base.arrays import BoolArray
from engrain.learning.causal_discovery.background import BackgroundKnowledge
from engrain.learning.causal_discovery.independence import IndependenceTest

Separators = dict[tuple[int, int], set[int]]


def pc(
    test: IndependenceTest,
    alpha: float = 0.05,
    knowledge: BackgroundKnowledge | None = None,
    max_given: int | None = None,
) -> BoolArray:
    """Return the completed partially directed acyclic graph of the variables.

    Parameters
    ----------
    test : IndependenceTest
    alpha : float
        Significance level in (0, 1).
    knowledge : BackgroundKnowledge, optional
    max_given : int, optional
        Largest conditioning set.

    Returns
    -------
    ndarray of bool, shape (v, v)
        ``[i, j]`` alone means i → j, ``[i, j]`` and ``[j, i]`` mean i — j.

    Raises
    ------
    ValueError
        `alpha` outside (0, 1).
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha: needs a level in (0, 1), got {alpha!r}")
    rules = knowledge or BackgroundKnowledge()
    graph, separators = skeleton(test, alpha, rules, max_given)
    orient_known(graph, rules)
    orient_colliders(graph, separators, rules)
    orient_by_meek(graph, rules)
    return graph


def skeleton(
    test: IndependenceTest, alpha: float, knowledge: BackgroundKnowledge, max_given: int | None
) -> tuple[BoolArray, Separators]:
    """Return the undirected graph, and per absent edge the union of its separating sets.

    Edges fall at the end of each level, so the order of variables does not matter.
    """
    v = test.variables
    graph: BoolArray = ~np.eye(v, dtype=np.bool_)
    separators: Separators = {}
    for i, j in combinations(range(v), 2):
        if knowledge.separates(i, j):
            graph[i, j] = graph[j, i] = False
            separators[i, j] = set()
    size = 0
    while (max_given is None or size <= max_given) and (graph.sum(axis=1) > size).any():
        found = _separate_level(test, alpha, graph, size, knowledge)
        for (i, j), between in found.items():
            graph[i, j] = graph[j, i] = False
            separators[i, j] = between
        size += 1
    return graph, separators


def _separate_level(
    test: IndependenceTest,
    alpha: float,
    graph: BoolArray,
    size: int,
    knowledge: BackgroundKnowledge,
) -> Separators:
    found: Separators = {}
    for i, j in combinations(range(len(graph)), 2):
        if not graph[i, j] or knowledge.requires(i, j) or knowledge.requires(j, i):
            continue
        for given in _conditioning_sets(graph, i, j, size):
            if test(i, j, given) > alpha:
                found.setdefault((i, j), set()).update(given)
    return found


def _conditioning_sets(graph: BoolArray, i: int, j: int, size: int) -> Iterator[tuple[int, ...]]:
    """Yield subsets of either side's other neighbours, each once."""
    seen = set()
    for this, other in ((i, j), (j, i)):
        near = [int(k) for k in np.flatnonzero(graph[this]) if k != other]
        for given in combinations(near, size):
            if given not in seen:
                seen.add(given)
                yield given


def orient_known(graph: BoolArray, knowledge: BackgroundKnowledge) -> None:
    """Direct, in place, the edges that knowledge leaves one way."""
    for i, j in combinations(range(len(graph)), 2):
        way = knowledge.orientation(i, j) if graph[i, j] else None
        if way is not None:
            graph[way[1], way[0]] = False


def orient_colliders(
    graph: BoolArray, separators: Separators, knowledge: BackgroundKnowledge
) -> None:
    """Direct x → y ← z, in place, where x and z are separated by no set that holds y.

    An edge that an earlier collider directed away from y stays as it is.
    """
    adjacent = graph | graph.T
    for x, y, z in _unshielded(adjacent):
        if x > z or y in separators[x, z]:
            continue
        if not (knowledge.allows(x, y) and knowledge.allows(z, y)):
            continue
        if graph[x, y] and graph[z, y]:
            graph[y, x] = graph[y, z] = False


def _unshielded(adjacent: BoolArray) -> Iterator[tuple[int, int, int]]:
    """Yield x - y - z with x and z apart, by middle, both ways round."""
    for y in range(len(adjacent)):
        near = np.flatnonzero(adjacent[y]).tolist()
        for x, z in permutations(near, 2):
            if not adjacent[x, z]:
                yield x, y, z


def orient_by_meek(graph: BoolArray, knowledge: BackgroundKnowledge) -> None:
    """Direct, in place, every edge whose other direction would make a cycle or a new collider."""
    adjacent = graph | graph.T
    changed = True
    while changed:
        changed = False
        for a, b in _forced(graph, adjacent):
            if graph[a, b] and graph[b, a] and knowledge.allows(a, b) and not reaches(graph, b, a):
                graph[b, a] = False
                changed = True


def _forced(graph: BoolArray, adjacent: BoolArray) -> Iterator[tuple[int, int]]:
    """Yield (a, b) such that one of Meek's first three rules asks for a → b."""
    v = range(len(graph))
    for i, j, k in _unshielded(adjacent):
        if _directed(graph, i, j):
            yield j, k
    for i in v:
        for k in np.flatnonzero(graph[i] & graph[:, i]).tolist():
            between = [j for j in v if _directed(graph, i, j) and _directed(graph, j, k)]
            if between:
                yield i, k
    for i in v:
        loose = graph[i] & graph[:, i]
        for k in np.flatnonzero(loose).tolist():
            into = [j for j in v if loose[j] and _directed(graph, j, k)]
            if any(not adjacent[a, b] for a, b in combinations(into, 2)):
                yield i, k


def _directed(graph: BoolArray, i: int, j: int) -> bool:
    return bool(graph[i, j] and not graph[j, i])


def reaches(graph: BoolArray, source: int, target: int) -> bool:
    """Tell whether directed edges lead from source to target."""
    directed = graph & ~graph.T
    seen, front = {source}, [source]
    while front:
        node = front.pop()
        if node == target:
            return True
        fresh = set(np.flatnonzero(directed[node]).tolist()) - seen
        seen |= fresh
        front += fresh
    return False
