"""Pictures of training and of maps; needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engrain.base.arrays import F64Array
from engrain.fabric.som import SelfOrganizingMap


def _axes(axes: Any) -> Any:
    if axes is not None:
        return axes
    from matplotlib.figure import Figure

    return Figure().subplots()


def plot_losses(losses: Sequence[float], axes: Any = None) -> Any:
    """Draw the loss per step on a logarithmic scale; return the axes."""
    axes = _axes(axes)
    axes.plot(np.asarray(losses, dtype=float))
    axes.set(xlabel="step", ylabel="loss", yscale="log", title="Training loss")
    return axes


def u_matrix(som: SelfOrganizingMap) -> F64Array:
    """Return the mean distance of each unit to its neighbours on the grid, in the map's shape.

    Ultsch and Siemon, INNC 1990: ridges separate clusters.
    """
    shape = tuple(som.map_size)
    weights = som.weights_.reshape(*shape, -1).astype(np.float64)
    total, count = np.zeros(shape), np.zeros(shape)
    for axis in range(len(shape)):
        step = np.linalg.norm(np.diff(weights, axis=axis), axis=-1)
        for side in (slice(None, -1), slice(1, None)):
            at = tuple(side if i == axis else slice(None) for i in range(len(shape)))
            total[at] += step
            count[at] += 1
    return np.asarray(total / np.maximum(count, 1))


def plot_u_matrix(som: SelfOrganizingMap, axes: Any = None) -> Any:
    """Draw the U-matrix of a 2-D map, or the middle layer of a 3-D one; return the axes."""
    axes = _axes(axes)
    values = u_matrix(som)
    if values.ndim == 3:
        values = values[:, :, values.shape[2] // 2]
    axes.imshow(values, cmap="viridis")
    axes.set_title("U-matrix")
    return axes


def plot_component_planes(som: SelfOrganizingMap, features: Sequence[int]) -> Any:
    """Draw the weights of some features over a 2-D map; return the figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.5 * len(features), 2.5))
    weights = som.weights_.reshape(*som.map_size, -1)
    for axes, feature in zip(
        np.atleast_1d(figure.subplots(1, len(features))), features, strict=True
    ):
        plane = weights[..., feature]
        axes.imshow(plane if plane.ndim == 2 else plane[:, :, plane.shape[2] // 2], cmap="magma")
        axes.set_title(f"feature {feature}")
        axes.set_axis_off()
    return figure
