from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.fabric.connectivity import grid_neighbourhood


def test_the_middle_of_the_grid_has_26_neighbours_and_the_corner_7() -> None:
    c = grid_neighbourhood((3, 4, 5), 1, 1.0, 2.0, np.random.default_rng(0))
    degree = np.diff(c.indptr).reshape(3, 4, 5)
    assert degree[1, 1, 2] == 26
    assert degree[0, 0, 0] == 7
    places = np.array(np.unravel_index(np.arange(60), (3, 4, 5))).T
    for source in (0, 27, 59):
        for s in range(c.indptr[source], c.indptr[source + 1]):
            distance = np.linalg.norm(places[source] - places[c.targets[s]])
            assert np.abs(places[source] - places[c.targets[s]]).max() == 1
            assert c.delays[s] == round(2 * float(distance))
    assert c.weights.mean() == pytest.approx(1.0, abs=0.1)


def test_radius_zero_connects_nothing_and_negative_ones_are_refused() -> None:
    assert grid_neighbourhood((2, 2, 2), 0, 1, 1, np.random.default_rng(0)).targets.size == 0
    with pytest.raises(ConfigError):
        grid_neighbourhood((2, 2, 2), -1, 1, 1, np.random.default_rng(0))
