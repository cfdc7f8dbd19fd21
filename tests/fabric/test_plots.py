from __future__ import annotations

import numpy as np

from engrain.fabric.plots import plot_component_planes, plot_losses, plot_u_matrix, u_matrix
from engrain.fabric.som import SelfOrganizingMap


def test_u_matrix_shows_the_border_between_two_clusters() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 0.1, (300, 4)), rng.normal(3, 0.1, (300, 4))])
    som = SelfOrganizingMap((10, 4)).fit(x)
    ridge = u_matrix(som).mean(1)
    assert ridge[3:7].max() > 5 * max(ridge[0], ridge[-1])


def test_pictures_hold_what_they_show() -> None:
    losses = plot_losses([3.0, 2.0, 1.0])
    assert list(losses.lines[0].get_ydata()) == [3.0, 2.0, 1.0]
    som = SelfOrganizingMap((4, 5)).fit(np.random.default_rng(0).random((50, 3)))
    assert plot_u_matrix(som).images[0].get_array().shape == (4, 5)
    assert len(plot_component_planes(som, [0, 2]).axes) == 2
