"""Strongest paths first: best-first search over the weights of triples."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

from engrain.base.errors import ConfigError
from engrain.learning.neuro_symbolic.triples import TripleStore


@dataclass(frozen=True, slots=True)
class Step:
    """One edge of a path; `forward` is False where it is walked from object to subject."""

    predicate: str
    node: str
    forward: bool


@dataclass(frozen=True, slots=True)
class Path:
    """A walk and the product of its weights.

    Attributes
    ----------
    source : str
    steps : tuple of Step
    weight : float
    """

    source: str
    steps: tuple[Step, ...]
    weight: float

    def __str__(self) -> str:
        parts = [self.source]
        for step in self.steps:
            arrow = f"-{step.predicate}->" if step.forward else f"<-{step.predicate}-"
            parts += [arrow, step.node]
        return " ".join(parts)


def best_paths(
    store: TripleStore,
    source: str,
    target: str,
    k: int = 5,
    max_length: int = 4,
    max_expansions: int = 10_000,
) -> list[Path]:
    """Return up to `k` simple paths in order of the product of their weights.

    Best-first on -log weight, so that the order is exact (Dijkstra 1959, with up to k pops per
    node), edges walked both ways.

    Parameters
    ----------
    store : TripleStore
    source, target : str
    k : int
    max_length : int
        Longest path in edges.
    max_expansions : int
        Bound on the work; what has been found by then is returned.

    Raises
    ------
    ConfigError
        A bound below 1.
    """
    if min(k, max_length, max_expansions) < 1:
        raise ConfigError("best_paths: k, max_length and max_expansions need at least 1")
    found: list[Path] = []
    for path in _in_order(store, source, max_length, max_expansions):
        if path.steps and path.steps[-1].node == target:
            found.append(path)
            if len(found) == k:
                break
    return found


def _in_order(store: TripleStore, source: str, max_length: int, budget: int) -> Iterator[Path]:
    """Yield simple paths from `source`, strongest first."""
    heap: list[tuple[float, int, str, tuple[Step, ...]]] = [(0.0, 0, source, ())]
    tie = 0
    while heap and budget > 0:
        cost, _, node, steps = heapq.heappop(heap)
        yield Path(source, steps, math.exp(-cost))
        if len(steps) == max_length:
            continue
        budget -= 1
        visited = {source, *(step.node for step in steps)}
        for predicate, other, weight, forward in store.neighbours(node):
            if other not in visited:
                tie += 1
                step = Step(predicate, other, forward)
                heapq.heappush(heap, (cost - math.log(weight), tie, other, (*steps, step)))
