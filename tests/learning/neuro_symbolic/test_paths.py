from __future__ import annotations

import math
from itertools import pairwise, permutations

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.learning.neuro_symbolic import Triple, TripleStore, best_paths


def brute_force(weights: dict[tuple[int, int], float], n: int, longest: int) -> list[float]:
    found = []
    for size in range(longest):
        for between in permutations(range(1, n - 1), size):
            steps = list(pairwise([0, *between, n - 1]))
            pairs = [weights.get((min(s), max(s))) for s in steps]
            if all(pairs):
                found.append(math.prod(p for p in pairs if p))
    return sorted(found, reverse=True)


def test_paths_come_in_order_of_their_weight() -> None:
    rng = np.random.default_rng(7)
    store, weights = TripleStore(), {}
    for i in range(6):
        for j in range(i + 1, 6):
            if rng.random() < 0.7:
                weights[i, j] = float(rng.uniform(0.1, 1.0))
                store.add(Triple(str(i), "to", str(j), weights[i, j]))
    found = best_paths(store, "0", "5", k=50, max_length=4)
    expected = brute_force(weights, 6, 4)
    assert [p.weight for p in found] == pytest.approx(expected[:50])
    assert len(expected) > 5


def test_edges_are_walked_both_ways_and_written_so() -> None:
    store = TripleStore()
    store.add(Triple("rain", "causes", "wet", 0.5))
    store.add(Triple("hose", "causes", "wet", 0.5))
    (path,) = best_paths(store, "rain", "hose")
    assert str(path) == "rain -causes-> wet <-causes- hose"
    assert path.weight == pytest.approx(0.25)


def test_bounds_hold() -> None:
    store = TripleStore()
    for i in range(50):
        store.add(Triple(str(i), "next", str(i + 1), 0.9))
    assert best_paths(store, "0", "50", max_length=60) != []
    assert best_paths(store, "0", "50", max_length=49) == []
    assert best_paths(store, "0", "50", max_length=60, max_expansions=10) == []
    with pytest.raises(ConfigError):
        best_paths(store, "0", "1", k=0)
