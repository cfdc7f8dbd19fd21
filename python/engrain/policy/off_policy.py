"""What another policy would have earned, from the log of the one that acted.

With weights ``w_i = pi(a_i | x_i) / p_i`` of the evaluated policy pi over the logged propensities
p, and a model ``q(x, a)`` of the reward:

=========  =======================================================================
IPS        mean of ``w r``
SNIPS      ``sum w r / sum w``
DM         mean of ``v``, with ``v_i = sum_a pi(a | x_i) q(x_i, a)``
DR         mean of ``v + w (r - q(x, a))``
Switch-DR  as DR, the correction only where ``w <= threshold``
=========  =======================================================================

Horvitz & Thompson (1952); Swaminathan & Joachims (2015) for SNIPS; Dudik, Langford & Li (2011) for
DR; Wang, Agarwal & Dudik (2017) for Switch-DR.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class LoggedDecisions:
    """Decisions as they were logged; the arguments are converted and checked.

    Attributes
    ----------
    actions : ndarray of int64, shape (n,)
    rewards : ndarray of float64, shape (n,)
    propensities : ndarray of float64, shape (n,)
        Probability in (0, 1] with which each action was chosen.

    Raises
    ------
    ShapeError, NonFiniteError, ConfigError
        Lengths disagree, a reward is not finite, a propensity is out of its range or an action
        negative.
    """

    actions: I64Array
    rewards: F64Array
    propensities: F64Array

    def __post_init__(self) -> None:
        actions = np.asarray(self.actions)
        rewards = np.asarray(self.rewards, np.float64)
        propensities = np.asarray(self.propensities, np.float64)
        if actions.ndim != 1 or not len(actions) == len(rewards) == len(propensities) > 0:
            raise ShapeError(
                "actions, rewards, propensities: expected one shape (n,) with n > 0, got "
                f"{actions.shape}, {rewards.shape}, {propensities.shape}"
            )
        if not np.issubdtype(actions.dtype, np.integer) or actions.min() < 0:
            raise ConfigError("actions: expected integers of at least 0")
        if not np.isfinite(rewards).all():
            raise NonFiniteError("rewards: contain NaN or infinity")
        if not ((propensities > 0) & (propensities <= 1)).all():
            raise ConfigError("propensities: expected numbers in (0, 1]: log what was played")
        object.__setattr__(self, "actions", actions.astype(np.int64))
        object.__setattr__(self, "rewards", rewards)
        object.__setattr__(self, "propensities", propensities)

    def __len__(self) -> int:
        return len(self.actions)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The value of a policy, with a normal interval.

    Attributes
    ----------
    method : str
    value, low, high : float
        The interval speaks of chance alone: not of the bias of a wrong model (DM, Switch-DR).
    effective : float
        Number of logged decisions that the weights amount to, ``(sum w)^2 / sum w^2``; n for DM.
    """

    method: str
    value: float
    low: float
    high: float
    effective: float


def evaluate_policy(
    logged: LoggedDecisions,
    policy: npt.ArrayLike,
    rewards: npt.ArrayLike | None = None,
    *,
    threshold: float = 10.0,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Estimate what a policy would have earned on the logged contexts.

    Parameters
    ----------
    logged : LoggedDecisions
    policy : array_like, shape (n, arms)
        Probability of each action in each context.
    rewards : array_like, shape (n, arms), optional
        What a model expects of each action, see `cross_fit_rewards`; without it there is no DM, DR
        and Switch-DR.
    threshold : float
        Weight above which Switch-DR trusts the model alone.
    level : float
        Of the interval.

    Returns
    -------
    dict of str to Estimate
        By "ips", "snips" and, with a model, "dm", "dr", "switch_dr".

    Raises
    ------
    ShapeError, ConfigError
        Shapes disagree, or rows of `policy` are no distributions.
    """
    pi = _checked_policy(policy, logged)
    if not (0.0 < level < 1.0 and threshold > 0.0):
        raise ConfigError(f"expected level in (0, 1) and threshold > 0, got {level}, {threshold}")
    rows = np.arange(len(logged))
    weights = pi[rows, logged.actions] / logged.propensities
    total, squares = float(weights.sum()), float(weights @ weights)
    effective = total**2 / squares if squares else 0.0
    z, r = NormalDist().inv_cdf(0.5 + level / 2), logged.rewards
    found = {"ips": _mean("ips", weights * r, z, effective)}
    if total > 0:
        ratio = float(weights @ r) / total
        spread = weights * (r - ratio) * (len(logged) / total)
        found["snips"] = _around("snips", ratio, spread, z, effective)
    if rewards is not None:
        q = np.asarray(rewards, np.float64)
        if q.shape != pi.shape:
            raise ShapeError(f"rewards: expected shape {pi.shape}, got {q.shape}")
        expected = (pi * q).sum(axis=1)
        correction = weights * (r - q[rows, logged.actions])
        kept = np.where(weights <= threshold, correction, 0.0)
        found["dm"] = _mean("dm", expected, z, float(len(logged)))
        found["dr"] = _mean("dr", expected + correction, z, effective)
        found["switch_dr"] = _mean("switch_dr", expected + kept, z, effective)
    return found


def _checked_policy(policy: npt.ArrayLike, logged: LoggedDecisions) -> F64Array:
    pi = np.asarray(policy, np.float64)
    if pi.ndim != 2 or len(pi) != len(logged) or pi.shape[1] <= logged.actions.max():
        raise ShapeError(
            f"policy: expected shape ({len(logged)}, arms) with arms > {logged.actions.max()}, got "
            f"{pi.shape}"
        )
    if (pi < 0).any() or not np.allclose(pi.sum(axis=1), 1.0, atol=1e-4):
        raise ConfigError("policy: expected probabilities that sum to 1 in each row")
    return pi


def _mean(method: str, values: F64Array, z: float, effective: float) -> Estimate:
    return _around(method, float(values.mean()), values - values.mean(), z, effective)


def _around(
    method: str, value: float, deviations: F64Array, z: float, effective: float
) -> Estimate:
    n = len(deviations)
    half = z * float(np.sqrt((deviations @ deviations) / max(n - 1, 1) / n))
    return Estimate(method, value, value - half, value + half, effective)


def cross_fit_rewards(
    contexts: npt.ArrayLike,
    logged: LoggedDecisions,
    arms: int,
    *,
    folds: int = 5,
    ridge: float = 1.0,
    seed: int = 0,
) -> F64Array:
    """Return what ridge regressions expect of each action, fitted on other folds than their own.

    One regression for what all actions share, one per action for the rest; a decision never
    informs its own expectation, so that DR stays unbiased (Chernozhukov et al. 2018).

    Parameters
    ----------
    contexts : array_like, shape (n, dim)
    logged : LoggedDecisions
    arms, folds : int
    ridge : float
        Above 0.
    seed : int

    Returns
    -------
    ndarray of float64, shape (n, arms)
    """
    x = np.asarray(contexts, np.float64)
    n = len(logged)
    if x.ndim != 2 or len(x) != n:
        raise ShapeError(f"contexts: expected shape ({n}, dim), got {x.shape}")
    if not 2 <= folds <= n or ridge <= 0 or arms <= logged.actions.max():
        raise ConfigError(
            f"expected 2 <= folds <= {n}, ridge > 0 and arms > {logged.actions.max()}, got "
            f"{folds}, {ridge}, {arms}"
        )
    x = np.column_stack([x, np.ones(n)])
    out = np.empty((n, arms))
    order = np.random.Generator(np.random.Philox(seed)).permutation(n)
    for held in np.array_split(order, folds):
        learned = np.ones(n, np.bool_)
        learned[held] = False
        shared = _ridge(x[learned], logged.rewards[learned], ridge)
        rest = logged.rewards - x @ shared
        for arm in range(arms):
            mine = learned & (logged.actions == arm)
            out[held, arm] = x[held] @ (shared + _ridge(x[mine], rest[mine], ridge))
    return out


def _ridge(x: F64Array, y: F64Array, ridge: float) -> F64Array:
    gram = x.T @ x + ridge * np.eye(x.shape[1])
    return np.asarray(np.linalg.solve(gram, x.T @ y), np.float64)
