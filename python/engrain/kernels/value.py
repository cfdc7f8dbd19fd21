"""Reward prediction errors and TD(lambda) over tabular values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError

KINDS = ("accumulating", "replacing", "dutch", "true_online")


@dataclass(frozen=True, slots=True)
class TdRule:
    """How values learn.

    Attributes
    ----------
    alpha : float
        Step size, in [0, 1].
    gamma : float
        Discount, in [0, 1].
    lam : float
        Decay of the traces besides the discount, in [0, 1].
    kind : {"accumulating", "replacing", "dutch", "true_online"}
        What a visit does to a trace: ``e + 1``, ``1``, ``(1 - alpha) e + 1``; true online corrects
        the dutch trace so that it equals the online lambda-return (van Seijen et al. 2016).

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    alpha: float = 0.1
    gamma: float = 0.95
    lam: float = 0.9
    kind: Literal["accumulating", "replacing", "dutch", "true_online"] = "replacing"

    def __post_init__(self) -> None:
        for name in ("alpha", "gamma", "lam"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: must be in [0, 1], got {getattr(self, name)}")
        if self.kind not in KINDS:
            raise ConfigError(f"kind: must be one of {', '.join(KINDS)}, got {self.kind!r}")


def learn_values(
    values: F32Array,
    handles: I64Array,
    outcomes: F32Array,
    alpha: float,
    errors: F32Array | None = None,
) -> F32Array:
    """Return ``clip(outcome - value, -1, 1)`` and move each value by `alpha` times it, in place.

    Schultz, Dayan & Montague (1997). Handles are taken in order and may repeat.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
    handles : ndarray of int64, shape (k,)
        Each in [0, n).
    outcomes : ndarray of float32, shape (k,)
    alpha : float
    errors : ndarray of float32, shape (k,), optional
        Where to write the result.

    Returns
    -------
    ndarray of float32, shape (k,)

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, a handle is out of range, or an outcome is not finite.
    """
    if errors is None:
        errors = np.empty(len(handles), dtype=np.float32)
    _kernels.learn_values(values, handles, outcomes, alpha, errors)
    return errors


def td_lambda(
    values: F32Array,
    traces: F32Array,
    states: I64Array,
    next_states: I64Array,
    rewards: F32Array,
    rule: TdRule,
    carry: F32Array | None = None,
) -> F32Array:
    """Run transitions through TD(lambda), in place; return the errors.

    ``delta = r + gamma V(s') - V(s)``; the traces fade by ``gamma lambda``, the visited one is
    marked, and ``V += alpha delta e`` (Sutton & Barto 2018, ch. 12).

    Parameters
    ----------
    values, traces : ndarray of float32, shape (n,)
        Traces are 0 at the start of an episode; the end of one clears them.
    states : ndarray of int64, shape (t,)
    next_states : ndarray of int64, shape (t,)
        -1 ends the episode.
    rewards : ndarray of float32, shape (t,)
    rule : TdRule
    carry : ndarray of float32, shape (1,), optional
        What true online TD remembers between two calls within one episode; 0 at its start.

    Returns
    -------
    ndarray of float32, shape (t,)

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, a state is out of range, or a reward is not finite.
    """
    errors = np.empty(len(states), dtype=np.float32)
    if carry is None:
        carry = np.zeros(1, dtype=np.float32)
    _kernels.td_lambda(
        values,
        traces,
        carry,
        states,
        next_states,
        rewards,
        KINDS.index(rule.kind),
        rule.alpha,
        rule.gamma,
        rule.lam,
        errors,
    )
    return errors
