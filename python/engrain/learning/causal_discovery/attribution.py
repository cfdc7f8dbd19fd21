"""Shapley attribution: how much of an outcome each of its causes explains."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from engrain.base.errors import ConfigError
from engrain.learning.causal_discovery.statistics import GaussianStatistics

MAX_PLAYERS = 10


def shapley(players: Sequence[int], value: Callable[[tuple[int, ...]], float]) -> dict[int, float]:
    r"""Return φ_i = Σ_S \\|S\\|!(n-\\|S\\|-1)!/n! · (v(S ∪ i) - v(S)), exactly.

    Source: Shapley (1953). The shares add up to v(all) - v(none).

    Parameters
    ----------
    players : sequence of int
        At most 10: the value is asked for every coalition.
    value : callable
        Takes a sorted tuple of players.

    Raises
    ------
    ConfigError
        More than 10 players.
    """
    names = sorted(players)
    n = len(names)
    if n > MAX_PLAYERS:
        raise ConfigError(
            f"shapley: {n} players need 2**{n} values; keep the {MAX_PLAYERS} closest"
        )
    worth = {s: value(s) for size in range(n + 1) for s in combinations(names, size)}
    shares = dict.fromkeys(names, 0.0)
    for coalition, base in worth.items():
        weight = 0.0
        if len(coalition) < n:
            weight = 1.0 / (n * math.comb(n - 1, len(coalition)))
        for player in set(names) - set(coalition):
            joined = tuple(sorted((*coalition, player)))
            shares[player] += weight * (worth[joined] - base)
    return shares


def explained_variance(
    statistics: GaussianStatistics, target: int, causes: Sequence[int]
) -> dict[int, float]:
    """Return each cause's share of the R² of a linear regression of `target` on `causes`.

    Source: Lindeman, Merenda & Gold (1980), the Shapley value of R².
    """
    correlation = statistics.correlation()

    def r_squared(names: tuple[int, ...]) -> float:
        if not names:
            return 0.0
        with_target = correlation[list(names), target]
        among = correlation[np.ix_(names, names)]
        return float(with_target @ np.linalg.pinv(among, hermitian=True) @ with_target)

    return shapley(causes, r_squared)
