"""Named variables in, causes out: the learning module's face of causal discovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engrain.base.arrays import BoolArray
from engrain.base.errors import ConfigError, UnknownIdError
from engrain.learning.causal_discovery.attribution import MAX_PLAYERS, explained_variance
from engrain.learning.causal_discovery.background import BackgroundKnowledge
from engrain.learning.causal_discovery.independence import FisherZ, GSquare
from engrain.learning.causal_discovery.pc import pc
from engrain.learning.causal_discovery.statistics import DiscreteStatistics, GaussianStatistics


@dataclass(frozen=True, slots=True)
class CausalGraph:
    """A completed partially directed acyclic graph over named variables.

    Attributes
    ----------
    names : tuple of str
    edges : ndarray of bool, shape (v, v)
        ``[i, j]`` alone means i → j, both ways means that the data cannot tell the direction.
    """

    names: tuple[str, ...]
    edges: BoolArray

    def index(self, name: str) -> int:
        """Return the number of a variable."""
        if name not in self.names:
            raise UnknownIdError(name, "this graph")
        return self.names.index(name)

    def causes_of(self, name: str) -> list[str]:
        """Return the variables with an edge directed into `name`."""
        j = self.index(name)
        directed = self.edges[:, j] & ~self.edges[j]
        return [self.names[i] for i in np.flatnonzero(directed)]

    def neighbours_of(self, name: str) -> list[str]:
        """Return the variables joined to `name` by an edge of either kind."""
        j = self.index(name)
        return [self.names[i] for i in np.flatnonzero(self.edges[:, j] | self.edges[j])]

    def directed(self) -> list[tuple[str, str]]:
        """Return (cause, effect) of every directed edge."""
        found = np.argwhere(self.edges & ~self.edges.T)
        return [(self.names[i], self.names[j]) for i, j in found]

    def undirected(self) -> list[tuple[str, str]]:
        """Return both ends of every edge without a direction, each once."""
        found = np.argwhere(np.triu(self.edges & self.edges.T))
        return [(self.names[i], self.names[j]) for i, j in found]


class CausalDiscovery:
    """Learns a causal graph from a stream of observations, keeping sufficient statistics only.

    Parameters
    ----------
    names : sequence of str
        The variables.
    alpha : float
        Level of the independence tests.
    levels : sequence of int, optional
        Numbers of values of discrete variables (G² test); without it, variables are real
        (Fisher z).
    order : sequence of int, optional
        A tier per variable: later ones never cause earlier ones.
    """

    def __init__(
        self,
        names: Sequence[str],
        alpha: float = 0.05,
        levels: Sequence[int] | None = None,
        order: Sequence[int] | None = None,
    ) -> None:
        self.names = tuple(names)
        if len(set(self.names)) < len(self.names):
            raise ConfigError("names: every variable needs a name of its own")
        for given in (levels, order):
            if given is not None and len(given) != len(self.names):
                raise ConfigError(f"levels and order need {len(self.names)} entries")
        self.alpha = alpha
        self.knowledge = BackgroundKnowledge(tiers=tuple(order or ()))
        self.statistics: GaussianStatistics | DiscreteStatistics = (
            GaussianStatistics(len(self.names)) if levels is None else DiscreteStatistics(levels)
        )

    @property
    def kind(self) -> Literal["real", "discrete"]:
        """Whether the variables are real numbers or a few values."""
        return "real" if isinstance(self.statistics, GaussianStatistics) else "discrete"

    def observe(self, observation: Mapping[str, float]) -> None:
        """Take in one value per variable.

        Raises
        ------
        UnknownIdError
            A variable is missing.
        """
        for name in self.names:
            if name not in observation:
                raise UnknownIdError(name, "this observation")
        self.statistics.update([float(observation[name]) for name in self.names])

    def graph(self) -> CausalGraph:
        """Run PC on what has been observed so far."""
        if isinstance(self.statistics, GaussianStatistics):
            edges = pc(FisherZ(self.statistics), self.alpha, self.knowledge)
        else:
            edges = pc(GSquare(self.statistics), self.alpha, self.knowledge)
        return CausalGraph(self.names, edges)

    def attribute(self, outcome: str, graph: CausalGraph | None = None) -> dict[str, float]:
        """Return the share of the outcome's variance that each of its causes explains.

        Of more than 10 causes the 10 most correlated are taken.

        Raises
        ------
        ConfigError
            The variables are discrete.
        """
        if not isinstance(self.statistics, GaussianStatistics):
            raise ConfigError("attribute: needs real variables; construct without levels")
        graph = graph or self.graph()
        target = graph.index(outcome)
        strength = np.abs(self.statistics.correlation()[target])
        causes = sorted(map(graph.index, graph.causes_of(outcome)), key=lambda i: -strength[i])
        shares = explained_variance(self.statistics, target, causes[:MAX_PLAYERS])
        return {self.names[i]: share for i, share in shares.items()}
