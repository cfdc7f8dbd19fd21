"""Consolidation of the micro adapter into the base, done only where held-out lessons profit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, ShapeError
from engrain.kernels import apply_lora
from engrain.loops.adapters import BaseLoRA, MicroLoRA


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Recalls with a known outcome that the micro adapter has not learned from.

    Attributes
    ----------
    queries : ndarray of float32, shape (n, dim)
    directions : ndarray of float32, shape (n, dim)
        Mean of the used minus mean of the unused memories.
    advantages : ndarray of float32, shape (n,)
        Reward minus the reward expected.
    """

    queries: F32Array
    directions: F32Array
    advantages: F32Array

    def __post_init__(self) -> None:
        shape = self.queries.shape
        if len(shape) != 2 or self.directions.shape != shape or self.advantages.shape != shape[:1]:
            raise ShapeError(
                "queries, directions, advantages: expected (n, dim), (n, dim) and (n,), got "
                f"{shape}, {self.directions.shape} and {self.advantages.shape}"
            )


@dataclass(frozen=True, slots=True)
class Consolidation:
    """What `consolidate` did.

    Attributes
    ----------
    rate : float
        Share of the micro adapter that moved, 0 if the merge was not done.
    lift : float
        Mean gain of advantage-weighted margin that the micro adapter brings to the lessons.
    energy_lost : float
        Share of the energy beyond the base's largest rank, in [0, 1).
    """

    rate: float
    lift: float
    energy_lost: float


def held_out_lift(micro: MicroLoRA, lessons: Lessons) -> float:
    """Return the mean of ``advantage * (b^T a x) . direction`` over the lessons."""
    if not len(lessons.queries) or not micro.updates:
        return 0.0
    x = lessons.queries
    shift = apply_lora(micro.a[None], micro.b[None], x, scale=micro.scale) - x
    gain = np.einsum("ij,ij->i", shift, lessons.directions, dtype=np.float64)
    return float(np.mean(gain * lessons.advantages))


def consolidate(
    base: BaseLoRA, micro: MicroLoRA, lessons: Lessons, *, rate: float = 1.0, seed: int = 0
) -> Consolidation:
    """Move the share `rate` of the micro adapter into the base if the lessons lift.

    The sum of both adapters stays what it was (up to `energy_lost`): the share ``1 - rate`` remains
    in the micro adapter. At rate 1 it restarts as identity with B = 0 and a fresh A: with both
    factors 0 every later gradient would be 0.

    Parameters
    ----------
    base, micro
    lessons : Lessons
        Held out from the micro adapter's learning.
    rate : float
        In (0, 1].
    seed : int
        Of the fresh A.

    Returns
    -------
    Consolidation

    Raises
    ------
    ConfigError
        `rate` is out of range.
    ShapeError
        The adapters differ in width.
    """
    if not 0.0 < rate <= 1.0:
        raise ConfigError(f"rate: expected a number in (0, 1], got {rate!r}")
    lift = held_out_lift(micro, lessons)
    if lift <= 0.0:
        return Consolidation(0.0, lift, 0.0)
    lost = base.merge(micro.a, np.float32(micro.scale) * micro.b, rate)
    if rate == 1.0:
        micro.reset(seed)
    else:
        micro.load({**micro.state(), "b": np.float32(1.0 - rate) * micro.b})
    return Consolidation(rate, lift, lost)
