from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from engrain.base.errors import ConfigError, ShapeError
from engrain.loops.iit import Network
from engrain.loops.phi import PhiCalculator, _halves, _interaction, _queyranne, community_weights


def graph(seed: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weights = rng.random((n, n)) * (rng.random((n, n)) < 0.5)
    symmetric: np.ndarray = np.triu(weights, 1) + np.triu(weights, 1).T
    return symmetric


def test_two_linked_elements_agree_with_the_closed_form() -> None:
    # x' = A x + noise, A = [[0, c], [c, 0]]: covariance 1 / (1 - c^2) each, so that a part knows
    # nothing of its own next state: loss = 2 * log(1 / (1 - c^2)) / 2.
    for c in (0.3, 0.9):
        expected = -np.log(1 - c**2)
        found = PhiCalculator(coupling=c).compute_phi(np.array([[0.0, 5.0], [5.0, 0.0]]))
        assert found == pytest.approx(expected, rel=1e-12)


def test_a_graph_that_falls_apart_has_none() -> None:
    weights = np.zeros((6, 6))
    weights[:3, :3] = weights[3:, 3:] = 1.0
    assert PhiCalculator().compute_phi(weights) == pytest.approx(0.0, abs=1e-12)
    assert PhiCalculator().compute_phi(np.zeros((4, 4))) == 0.0
    assert PhiCalculator().compute_phi(np.zeros((0, 0))) == 0.0


def test_links_between_the_halves_raise_it() -> None:
    weights = np.zeros((6, 6))
    weights[:3, :3] = weights[3:, 3:] = 1.0
    found = []
    for bridge in (0.05, 0.2, 1.0):
        weights[2, 3] = weights[3, 2] = bridge
        found.append(PhiCalculator().compute_phi(weights))
    assert 0 < found[0] < found[1] < found[2]


@pytest.mark.parametrize("n", [3, 5, 8, 10])
def test_the_search_finds_the_weakest_bipartition(n: int) -> None:
    weights = graph(n, n)
    loss = _interaction(0.9 * weights / np.linalg.norm(weights, 2))
    every = min(loss(m) for size in range(1, n) for m in combinations(range(n), size))
    assert min(map(loss, _halves(n))) == pytest.approx(every, abs=1e-12)
    assert _queyranne(n, loss) == pytest.approx(every, rel=1e-6, abs=1e-12)


def test_large_graphs_keep_their_strongest_elements() -> None:
    weights = graph(1, 40)
    kept = np.sort(np.argsort(-weights.sum(axis=1), kind="stable")[:10])
    calculator = PhiCalculator(most=10)
    expected = calculator.compute_phi(weights[np.ix_(kept, kept)])
    assert calculator.compute_phi(weights) == expected > 0


def test_networks_are_measured_exactly() -> None:
    swap = Network.from_table([[0, 0], [0, 1], [1, 0], [1, 1]], (1, 0))
    assert PhiCalculator().compute_phi(swap) == pytest.approx(2.0)  # 2 ln 2 nats


def test_community_weights_sum_links_between_communities() -> None:
    labels = np.array([0, 0, 1, 2, -1])
    a, b = np.array([0, 0, 1, 3, 2]), np.array([1, 2, 3, 4, 1])
    found = community_weights(labels, a, b, np.array([9.0, 1.0, 2.0, 4.0, 8.0]))
    np.testing.assert_array_equal(found, [[0, 9, 2], [9, 0, 0], [2, 0, 0]])


def test_bad_graphs_are_refused() -> None:
    with pytest.raises(ShapeError):
        PhiCalculator().compute_phi(np.zeros((2, 3)))
    with pytest.raises(ConfigError, match="symmetric"):
        PhiCalculator().compute_phi(np.array([[0.0, 1.0], [0.0, 0.0]]))
    with pytest.raises(ConfigError, match="coupling"):
        PhiCalculator(coupling=1.0)
