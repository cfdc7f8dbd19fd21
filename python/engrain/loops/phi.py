"""How integrated a system is: exact phi for small networks, a Gaussian index for a memory graph."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from engrain.base.arrays import F64Array, I64Array
from engrain.base.errors import ConfigError, ShapeError
from engrain.loops.iit import Network, system_phi

Members = tuple[int, ...]

EXHAUSTIVE = 12  # up to so many elements every bipartition is tried


class PhiCalculator:
    """Integrated information: what the whole tells of its next state beyond what its parts tell.

    Parameters
    ----------
    coupling : float
        In (0, 1): how much of a signal the links of a graph pass on in one step.
    most : int
        Elements beyond it, the least linked ones, are left out.
    """

    def __init__(self, *, coupling: float = 0.9, most: int = 16) -> None:
        if not 0.0 < coupling < 1.0 or most < 2:
            raise ConfigError(
                f"coupling, most: expected a share in (0, 1) and at least 2, got {coupling}, {most}"
            )
        self.coupling, self.most = coupling, most

    def compute_phi(self, system: Network | F64Array) -> float:
        """Return the integrated information of a network or of a graph.

        Parameters
        ----------
        system : Network, or ndarray of float64, shape (n, n)
            A network of at most 8 binary elements: its exact phi by IIT 4.0, in ibits. Or the
            symmetric weights of a graph, such as the links between communities of memories: the
            stochastic interaction, in nats, of the Gaussian process x' = A x + noise with
            A = coupling W / |W| across its weakest bipartition. It is 0 exactly where the graph
            falls apart. Every bipartition is tried up to 12 elements; beyond, Queyranne's search
            is used, which is exact for submodular losses and near it for this one.

        Raises
        ------
        ShapeError, ConfigError
            Not square, not symmetric, or below 0.

        References
        ----------
        Albantakis et al. (2023); Ay (2015), stochastic interaction; Barrett & Seth (2011), Gaussian
        phi; Queyranne (1998) and Kitazono, Kanai & Oizumi (2018), the search.
        """
        if isinstance(system, Network):
            return system_phi(system).phi
        weights = self._strongest(_checked(system))
        if len(weights) < 2 or not weights.any():
            return 0.0
        interaction = _interaction(self.coupling * weights / np.linalg.norm(weights, 2))
        if len(weights) <= EXHAUSTIVE:
            return max(0.0, min(map(interaction, _halves(len(weights)))))
        return max(0.0, _queyranne(len(weights), interaction))

    def _strongest(self, weights: F64Array) -> F64Array:
        kept = np.sort(np.argsort(-weights.sum(axis=1), kind="stable")[: self.most])
        return weights[np.ix_(kept, kept)]


def community_weights(labels: I64Array, a: I64Array, b: I64Array, weights: F64Array) -> F64Array:
    """Return the summed weights of the links (a, b) between communities, shape (c, c).

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
        Community of each node, -1 for none.
    a, b : ndarray of int64, shape (links,)
    weights : ndarray of float64, shape (links,)
    """
    size = int(labels.max(initial=-1)) + 1
    ends = labels[a], labels[b]
    held = (ends[0] >= 0) & (ends[1] >= 0) & (ends[0] != ends[1])
    key = ends[0][held] * size + ends[1][held]
    total = np.bincount(key, weights[held], minlength=size * size).reshape(size, size)
    symmetric: F64Array = (total + total.T).astype(np.float64)
    return symmetric


def _checked(weights: F64Array) -> F64Array:
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
        raise ShapeError(f"weights: expected a square array, got shape {weights.shape}")
    if not np.isfinite(weights).all() or (weights < 0).any() or (weights != weights.T).any():
        raise ConfigError("weights: expected finite, symmetric values of at least 0")
    return weights - np.diag(np.diag(weights))


def _interaction(transition: F64Array) -> Callable[[Members], float]:
    """Return the loss of a bipartition: sum of H(part' | part) less H(whole' | whole)."""
    n = len(transition)
    values, vectors = np.linalg.eigh(transition)
    covariance = (vectors / (1.0 - values**2)) @ vectors.T
    lagged = transition @ covariance

    def uncertainty(part: list[int]) -> float:
        own = np.ix_(part, part)
        left = covariance[own] - lagged[own] @ np.linalg.solve(covariance[own], lagged[own].T)
        return 0.5 * float(np.linalg.slogdet(left)[1])

    def loss(members: Members) -> float:
        inside = set(members)
        return uncertainty(sorted(inside)) + uncertainty([i for i in range(n) if i not in inside])

    return loss


def _halves(n: int) -> list[Members]:
    """Return one side of every bipartition: those without the last element."""
    return [m for size in range(1, n) for m in combinations(range(n - 1), size)]


def _queyranne(n: int, loss: Callable[[Members], float]) -> float:
    """Return the least loss among the pendant sets of a symmetric function."""
    groups: list[Members] = [(i,) for i in range(n)]
    least = np.inf
    while len(groups) > 1:
        ordered, rest = [groups[0]], groups[1:]
        while rest:
            inside = tuple(i for group in ordered for i in group)
            keys = [
                (loss(inside + group) if len(rest) > 1 else 0.0) - loss(group) for group in rest
            ]
            ordered.append(rest.pop(int(np.argmin(keys))))
        least = min(least, loss(ordered[-1]))
        groups = [*ordered[:-2], ordered[-2] + ordered[-1]]
    return float(least)
