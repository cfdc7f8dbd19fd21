"""Simulated users: what they say about the memories that were shown.

Every outcome here is simulated from judgments; no model of clicks is a person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import numpy as np

from engrain.base.arrays import BoolArray, F64Array

Clicks: TypeAlias = Literal["perfect", "noisy", "position", "seldom", "joint"]
CLICKS: tuple[str, ...] = get_args(Clicks)

Model: TypeAlias = Callable[[BoolArray, np.random.Generator], F64Array]


def perfect(relevant: BoolArray, rng: np.random.Generator) -> F64Array:
    """Relevant shown items are used, others are not."""
    del rng
    return relevant.astype(np.float64)


def noisy(relevant: BoolArray, rng: np.random.Generator) -> F64Array:
    """70 % of the relevant shown items are clicked, and 5 % of the others."""
    drawn = rng.random(len(relevant))
    return np.where(relevant, drawn < 0.7, drawn < 0.05).astype(np.float64)


def position(relevant: BoolArray, rng: np.random.Generator) -> F64Array:
    """Item at rank r is examined with probability 1/r; examined, it is judged as by `noisy`.

    The position-based model of Joachims, Swaminathan and Schnabel (2017).
    """
    examined = rng.random(len(relevant)) < 1.0 / np.arange(1, len(relevant) + 1)
    return noisy(relevant, rng) * examined


def seldom(relevant: BoolArray, rng: np.random.Generator) -> F64Array:
    """As by `noisy`, examined as often in all as by `position`, but at any rank alike.

    What `position` loses beside it is due to the bias, not to fewer clicks.
    """
    chance = float((1.0 / np.arange(1, len(relevant) + 1)).mean()) if len(relevant) else 0.0
    examined = rng.random(len(relevant)) < chance
    return noisy(relevant, rng) * examined


def joint(relevant: BoolArray, rng: np.random.Generator) -> F64Array:
    """One reward for the whole answer: all shown items share it."""
    del rng
    return np.full(len(relevant), float(relevant.any()))


MODELS: dict[str, Model] = {
    "perfect": perfect,
    "noisy": noisy,
    "position": position,
    "seldom": seldom,
    "joint": joint,
}


def flip(outcomes: F64Array, rng: np.random.Generator) -> F64Array:
    """Return outcomes that praise one shown item at random instead of the used ones."""
    flipped = np.zeros_like(outcomes)
    if len(flipped):
        flipped[rng.integers(len(flipped))] = 1.0
    return flipped
