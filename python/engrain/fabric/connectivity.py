"""Sparse connections within neighbourhoods of a 3-D grid."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from engrain.base.arrays import F32Array, I32Array, I64Array
from engrain.base.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Connections:
    """Outgoing synapses in compressed rows.

    Attributes
    ----------
    indptr : ndarray of int64, shape (neurons + 1,)
    targets, delays : ndarray of int32, shape (synapses,)
        Delays in ticks, at least 1.
    weights : ndarray of float32, shape (synapses,)
        uA/cm^2 per spike.
    """

    indptr: I64Array
    targets: I32Array
    weights: F32Array
    delays: I32Array


def grid_neighbourhood(
    shape: tuple[int, int, int],
    radius: int,
    strength: float,
    ticks_per_unit: float,
    generator: np.random.Generator,
) -> Connections:
    """Connect every location to all others within `radius` along each axis.

    A radius of 1 gives 26 neighbours away from the border. Weights are drawn from
    ``strength * U(0, 2)``; delays grow with the Euclidean distance on the grid.

    Raises
    ------
    ConfigError
        A radius below 0 or delays that would be negative.
    """
    if radius < 0 or ticks_per_unit < 0:
        raise ConfigError(f"radius and delay must be >= 0, got {radius} and {ticks_per_unit}")
    numbers = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    sources, targets, delays = [], [], []
    for offset in product(range(-radius, radius + 1), repeat=3):
        if not any(offset):
            continue
        here = tuple(slice(max(0, -o), n - max(0, o)) for o, n in zip(offset, shape, strict=True))
        there = tuple(slice(max(0, o), n - max(0, -o)) for o, n in zip(offset, shape, strict=True))
        block = numbers[here].ravel()
        sources.append(block)
        targets.append(numbers[there].ravel())
        ticks = max(1, round(float(np.linalg.norm(offset)) * ticks_per_unit))
        delays.append(np.full(block.size, ticks, dtype=np.int32))
    if not sources:
        empty = np.zeros(0, dtype=np.int32)
        return Connections(np.zeros(numbers.size + 1, np.int64), empty, empty.astype("f4"), empty)
    source = np.concatenate(sources)
    order = np.argsort(source, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=numbers.size))])
    weights = strength * generator.uniform(0, 2, source.size)
    return Connections(
        indptr.astype(np.int64),
        np.concatenate(targets)[order],
        weights.astype(np.float32),
        np.concatenate(delays)[order],
    )
