"""Consolidation of the micro adapter into the base, done only where held-out lessons profit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engrain.base.arrays import F32Array, F64Array, I64Array
from engrain.base.errors import ConfigError, ShapeError
from engrain.kernels import apply_lora
from engrain.loops.adapters import BaseLoRA, MicroLoRA

HELD_OUT = 5
RATES = (0.0, 0.25, 0.5, 0.75, 1.0)
CERTAIN = 1.64


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

    def teach(self, micro: MicroLoRA, places: I64Array) -> None:
        """Let an adapter learn from the lessons at `places`, as `MicroLoRA.micro_update` does."""
        micro.study(self.queries, self.directions, self.advantages, places)


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
    return Consolidation(rate, lift, move(base, micro, rate, seed))


def move(base: BaseLoRA, micro: MicroLoRA, rate: float, seed: int = 0) -> float:
    """Move the share `rate` from the micro adapter into the base; return the energy lost."""
    lost = base.merge(micro.a, np.float32(micro.scale) * micro.b, rate)
    if rate == 1.0:
        micro.reset(seed)
    else:
        micro.load({**micro.state(), "b": np.float32(1.0 - rate) * micro.b})
    return lost


def proven_rate(base: BaseLoRA, fresh: MicroLoRA, lessons: Lessons) -> tuple[float, float]:
    """Find the share of a micro adapter taught by lessons like these that pays on unseen ones.

    Loop A has seen every lesson, so its adapter cannot be judged by them. Instead `fresh`, an
    untaught adapter of its settings, learns from four lessons of five; the fifth say at which of
    the `RATES` the ranking loss ``-advantage log sigmoid(y . direction)`` is least.

    Returns
    -------
    rate : float
        0 where no share beats the base alone by more than chance: 1.64 standard errors.
    lift : float
        Mean loss on the unseen lessons that this rate takes away, at least 0.
    """
    places = np.arange(len(lessons.queries))
    held_out = places % HELD_OUT == HELD_OUT - 1
    lessons.teach(fresh, np.flatnonzero(~held_out))
    if not fresh.updates or not held_out.any():
        return 0.0, 0.0
    x, towards = lessons.queries[held_out], lessons.directions[held_out]
    before = _margins(base.apply(x), towards)
    added = _margins(apply_lora(fresh.a[None], fresh.b[None], x, scale=fresh.scale) - x, towards)
    weights = lessons.advantages[held_out]
    losses = weights * np.logaddexp(0.0, -before - np.array(RATES)[:, None] * added)
    best = int(losses.mean(axis=1).argmin())
    gains = losses[0] - losses[best]
    lift, error = float(gains.mean()), float(gains.std()) / math.sqrt(len(gains))
    return (RATES[best], lift) if lift > CERTAIN * error else (0.0, 0.0)


def _margins(y: F32Array, directions: F32Array) -> F64Array:
    margins: F64Array = np.einsum("ij,ij->i", y, directions, dtype=np.float64)
    return margins
