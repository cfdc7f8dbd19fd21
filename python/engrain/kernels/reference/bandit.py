"""Oracle of the linear contextual bandits.

Li et al. (2010), A contextual-bandit approach to personalized news article recommendation;
Agrawal & Goyal (2013), Thompson sampling for contextual bandits with linear payoffs.
"""

from __future__ import annotations

from math import erf, sqrt

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def score_arms(
    inverse: npt.ArrayLike, theta: npt.ArrayLike, x: npt.ArrayLike
) -> tuple[F64Array, F64Array]:
    """Return mean theta_a . x and variance x^T A_a^-1 x of each arm, both of shape (arms,).

    Parameters
    ----------
    inverse : array_like, shape (arms, dim, dim)
    theta : array_like, shape (arms, dim)
    x : array_like, shape (dim,)
    """
    x = np.asarray(x, np.float64)
    variance = np.einsum("i,aij,j->a", x, np.asarray(inverse, np.float64), x)
    return np.asarray(theta, np.float64) @ x, np.maximum(variance, 0.0)


def learn_arm(
    inverse: npt.ArrayLike, theta: npt.ArrayLike, x: npt.ArrayLike, reward: float
) -> tuple[F64Array, F64Array]:
    """Return (inverse, theta) of one arm after a Sherman-Morrison step.

    A' = A + x x^T:  z = A^-1 x,  q = 1 + x . z,  A'^-1 = A^-1 - z z^T / q,
    theta' = theta + z (reward - theta . x) / q.
    """
    inverse, theta = np.asarray(inverse, np.float64), np.asarray(theta, np.float64)
    x = np.asarray(x, np.float64)
    z = inverse @ x
    q = 1.0 + x @ z
    return inverse - np.outer(z, z) / q, theta + z * (reward - theta @ x) / q


def thompson_probabilities(
    mean: npt.ArrayLike, deviation: npt.ArrayLike, nodes: int = 16
) -> F64Array:
    """Return the probability that arm a draws the largest of independent N(mean, deviation^2).

    P_a = sum_j w_j prod_{b != a} Phi((mean_a + t_j deviation_a - mean_b) / deviation_b) over the
    Gauss-Hermite nodes t_j, scaled to sum 1.
    """
    mean, deviation = np.asarray(mean, np.float64), np.asarray(deviation, np.float64)
    t, w = np.polynomial.hermite_e.hermegauss(nodes)
    below = np.vectorize(lambda x: 0.5 * (1.0 + erf(x / sqrt(2.0))))
    out = np.empty(len(mean))
    for a in range(len(mean)):
        others = np.arange(len(mean)) != a
        draw = mean[a] + np.outer(t, deviation[a : a + 1])
        gaps = (draw - mean[others]) / np.maximum(deviation[others], 1e-12)
        out[a] = (w / w.sum()) @ np.prod(below(gaps), axis=1) if others.any() else 1.0
    probability: F64Array = out / out.sum()
    return probability
