"""Conditional-independence tests on sufficient statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from engrain.base.arrays import F64Array
from engrain.learning.causal_discovery.statistics import DiscreteStatistics, GaussianStatistics
from engrain.learning.causal_discovery.tails import chi2_tail, normal_two_sided


class IndependenceTest(Protocol):
    """The p-value of: variables i and j are independent given the others named."""

    variables: int

    def __call__(self, i: int, j: int, given: Sequence[int] = ()) -> float:
        """Return a p-value in [0, 1]."""


class FisherZ:
    r"""Zero partial correlation of Gaussian variables.

    z = atanh(ρ_ij·S), sqrt(n - \\|S\\| - 3)·z is standard normal (Fisher 1924); ρ comes from the
    inverse of the correlation of {i, j} ∪ S. With too few rows nothing is rejected.
    """

    def __init__(self, statistics: GaussianStatistics) -> None:
        self.variables = statistics.variables
        self._count = statistics.count
        self._correlation = statistics.correlation()

    def __call__(self, i: int, j: int, given: Sequence[int] = ()) -> float:
        freedom = self._count - len(given) - 3
        if freedom <= 0:
            return 1.0
        r = partial_correlation(self._correlation, i, j, given)
        r = min(max(r, -1.0 + 2.3e-16), 1.0 - 2.3e-16)
        return normal_two_sided(math.sqrt(freedom) * math.atanh(r))


def partial_correlation(correlation: F64Array, i: int, j: int, given: Sequence[int]) -> float:
    """Return the correlation of i and j that is left when `given` is held fixed."""
    if not given:
        return float(correlation[i, j])
    names = [i, j, *given]
    inverse = np.linalg.pinv(correlation[np.ix_(names, names)], hermitian=True)
    scale = math.sqrt(abs(inverse[0, 0] * inverse[1, 1]))
    return float(-inverse[0, 1] / scale) if scale > 0 else 0.0


class GSquare:
    """Likelihood ratio of discrete variables: G² = 2 Σ O ln(O/E), chi-squared.

    Degrees of freedom leave out the rows and columns that never occur within a configuration of
    the conditioning set (Spirtes, Glymour & Scheines 2000, section 5.5; Bishop et al. 1975).
    """

    def __init__(self, statistics: DiscreteStatistics) -> None:
        self.variables = statistics.variables
        self._table = statistics.table

    def __call__(self, i: int, j: int, given: Sequence[int] = ()) -> float:
        observed = self._table(i, j, given)
        rows, columns = observed.sum(axis=2), observed.sum(axis=1)
        expected = rows[:, :, None] * columns[:, None, :] / rows.sum(axis=1)[:, None, None]
        seen = observed > 0
        statistic = 2.0 * float(np.sum(observed[seen] * np.log(observed[seen] / expected[seen])))
        freedom = int((((rows > 0).sum(axis=1) - 1) * ((columns > 0).sum(axis=1) - 1)).sum())
        return chi2_tail(max(statistic, 0.0), freedom) if freedom > 0 else 1.0
