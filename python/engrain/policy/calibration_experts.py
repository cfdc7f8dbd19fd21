"""Predictors of a recall's success that learn online; `RecallConfidence` mixes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, NamedArrays
from engrain.policy.calibration_maps import sigmoid

START = 0.8  # share of recalls that succeed, before any is known


class FixedShare:
    """Weights of experts by how well they predicted so far.

    A share returns to the prior with each observation, for those that may be right after a change
    (Herbster & Warmuth 1998): the mixture is never much worse than the best of them since then.

    Parameters
    ----------
    prior : array_like, shape (experts,)
        Weights before any is known to be better, summing to 1.
    share : float
        In [0, 1].
    """

    def __init__(self, prior: npt.ArrayLike, share: float = 0.005) -> None:
        self._prior, self._share = np.array(prior, np.float64), share
        self.weights: F64Array = self._prior.copy()

    def predict(self, opinions: F64Array) -> float:
        """Return the mixture of the experts' probabilities, shape (experts,)."""
        return float(self.weights @ opinions)

    def update(self, opinions: F64Array, success: bool) -> None:
        """Weigh each expert by the probability that it gave to what came."""
        found = self.weights * (opinions if success else 1.0 - opinions)
        self.weights = (1.0 - self._share) * found / found.sum() + self._share * self._prior


class OnlineLogistic:
    """Bayesian logistic regression on many features: one Laplace step per observation.

    What was learned loses certainty with time, never more than the prior had.

    The predictive probability is that of MacKay (1992), ``sigmoid(m / sqrt(1 + pi s^2 / 8))``.

    Parameters
    ----------
    features : int
    ridge : float
        Precision of the prior on each weight; the intercept has precision 1.
    intercept : float
        Where it starts.
    memory : float
        Observations after which one has lost 63 % of its weight.
    """

    def __init__(
        self, features: int, ridge: float, intercept: float = 0.0, memory: float = 500.0
    ) -> None:
        self._covariance: F64Array = np.eye(features + 1) / ridge
        self._covariance[-1, -1] = 1.0
        self._prior = np.diag(self._covariance).copy()
        self._keep = 1.0 - 1.0 / memory
        self._weights: F64Array = np.zeros(features + 1)
        self._weights[-1] = intercept

    def predict(self, x: F64Array) -> float:
        """Return the probability for features with a 1 at the end."""
        spread = float(x @ self._covariance @ x)
        return sigmoid(float(self._weights @ x) / float(np.sqrt(1.0 + np.pi * spread / 8.0)))

    def update(self, x: F64Array, success: bool) -> None:
        """Take one observation in."""
        z = self._covariance @ x
        p = sigmoid(float(self._weights @ x))
        curvature = max(p * (1.0 - p), 1e-3)
        q = 1.0 + curvature * float(x @ z)
        self._weights += z * ((float(success) - p) / q)
        self._covariance -= np.outer(z, z) * (curvature / q)
        self._covariance /= self._keep
        shrink = np.sqrt(np.minimum(1.0, self._prior / np.diag(self._covariance)))
        self._covariance *= shrink[:, None] * shrink

    def state(self) -> NamedArrays:
        """Return the whole learned state as named arrays."""
        return {"weights": self._weights.copy(), "covariance": self._covariance.copy()}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self._weights = np.array(state["weights"], np.float64)
        self._covariance = np.array(state["covariance"], np.float64)


class Rate:
    """The share of successes, forgetting slowly; starts at `START` with the weight of 2."""

    def __init__(self, memory: float = 1000.0) -> None:
        self._keep = 1.0 - 1.0 / memory
        self._counts: F64Array = np.array([2.0 * START, 2.0 * (1.0 - START)])

    def predict(self, x: F64Array) -> float:
        """Return the share; features do not matter."""
        return float(self._counts[0] / self._counts.sum())

    def update(self, x: F64Array, success: bool) -> None:
        """Count one observation."""
        self._counts *= self._keep
        self._counts[0 if success else 1] += 1.0

    def state(self) -> NamedArrays:
        """Return the whole learned state as named arrays."""
        return {"counts": self._counts.copy()}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self._counts = np.array(state["counts"], np.float64)
