"""What to expect of a newcomer: priors learned from the whole population (empirical Bayes)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError


class PopulationPrior:
    """A beta prior on success rates, fitted to the rates that others showed.

    Rates of groups are Beta(m·n₀, (1 - m)·n₀); m and n₀ follow from the groups' counts by the
    method of moments for beta-binomial data (Kleinman 1973). A newcomer with s successes in n
    trials is expected at (s + m·n₀) / (n + n₀), and its own trials weigh n / (n + n₀).

    Parameters
    ----------
    mean : float
        m before anything is known, in (0, 1).
    strength : float
        n₀ before anything is known, in trials, > 0.
    """

    def __init__(self, mean: float = 0.5, strength: float = 2.0) -> None:
        if not 0.0 < mean < 1.0 or not 0.0 < strength < math.inf:
            raise ConfigError(f"prior: mean {mean} must lie in (0, 1), strength {strength} above 0")
        self.mean = mean
        self.strength = strength

    def fit(self, successes: npt.ArrayLike, trials: npt.ArrayLike) -> PopulationPrior:
        """Fit the prior to groups; with fewer than two groups it stays as it is.

        Parameters
        ----------
        successes, trials : array_like, shape (groups,)

        Raises
        ------
        ShapeError
            Shapes differ.
        NonFiniteError
            Counts are not finite or not 0 <= successes <= trials.
        """
        s, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
        if s.shape != n.shape or s.ndim != 1:
            raise ShapeError(f"successes {s.shape} and trials {n.shape} must be of one length")
        if not (np.isfinite(s).all() and np.isfinite(n).all() and ((s >= 0) & (s <= n)).all()):
            raise NonFiniteError("counts: need 0 <= successes <= trials, all finite")
        s, n = s[n > 0], n[n > 0]
        if len(n) < 2:
            return self
        rate = s / n
        mean = float(s.sum() / n.sum())
        mean = min(max(mean, 1e-3), 1.0 - 1e-3)
        self.mean, self.strength = mean, _strength(rate, n, mean)
        return self

    def estimate(self, successes: float, trials: float) -> float:
        """Return the expected success rate after `successes` of `trials`."""
        return (successes + self.mean * self.strength) / (trials + self.strength)

    def rate(self, trials: float) -> float:
        """Return n₀ / (n + n₀), the weight that the prior still has after n trials."""
        return self.strength / (trials + self.strength)

    def state(self) -> dict[str, Any]:
        """Return the fitted prior."""
        return {"mean": self.mean, "strength": self.strength}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.mean, self.strength = float(state["mean"]), float(state["strength"])


def _strength(rate: F64Array, trials: F64Array, mean: float) -> float:
    """Return n₀ from the spread of rates beyond what their trials explain."""
    weights = trials / trials.sum()
    spread = float((weights * (rate - mean) ** 2).sum())
    whole = mean * (1.0 - mean) * float((weights * (1.0 - weights)).sum())
    chance = mean * (1.0 - mean) * float((weights * (1.0 - weights) / trials).sum())
    shared = (spread - chance) / max(whole - chance, 1e-12)
    shared = min(max(shared, 1e-4), 1.0 - 1e-4)
    return (1.0 - shared) / shared


class PopulationWeights:
    """A normal prior on weight vectors: the mean of the others, and how far they differ.

    w_j ~ N(μ, diag(τ²)) with known standard errors; a newcomer's estimate shrinks toward μ, each
    weight by its own τ² (Morris 1983).

    Parameters
    ----------
    size : int
        Number of weights.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ConfigError(f"size: needs at least 1, got {size}")
        self.mean: F64Array = np.zeros(size)
        self.variance: F64Array = np.ones(size)
        self.fitted = False

    def fit(self, weights: npt.ArrayLike, errors: npt.ArrayLike) -> PopulationWeights:
        """Fit to others' weights and their squared standard errors, both (groups, size)."""
        w, e = np.asarray(weights, dtype=np.float64), np.asarray(errors, dtype=np.float64)
        if w.shape != e.shape or w.ndim != 2 or w.shape[1] != len(self.mean):
            raise ShapeError(f"weights {w.shape} and errors {e.shape}: need (n, {len(self.mean)})")
        if len(w) < 2:
            return self
        self.mean = w.mean(axis=0)
        self.variance = np.maximum(w.var(axis=0, ddof=1) - e.mean(axis=0), 1e-9)
        self.fitted = True
        return self

    def shrink(self, weights: npt.ArrayLike, errors: npt.ArrayLike) -> F64Array:
        """Return a newcomer's weights drawn toward the population's, shape (size,)."""
        w, e = np.asarray(weights, dtype=np.float64), np.asarray(errors, dtype=np.float64)
        if not self.fitted:
            return w.copy()
        own = self.variance / (self.variance + e)
        return np.asarray(own * w + (1.0 - own) * self.mean)
