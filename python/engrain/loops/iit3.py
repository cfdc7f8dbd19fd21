"""Integrated information by the older measure, IIT 3.0, for networks of up to five elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import Literal

import numpy as np

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError
from engrain.loops.iit import Network
from engrain.loops.transport import transport_cost

LARGEST = 5
NOTHING = 1e-9

Nodes = tuple[int, ...]
Part = tuple[Nodes, Nodes]


@dataclass(frozen=True, slots=True, eq=False)
class Concept:
    """What a mechanism says about past and future, over all elements."""

    phi: float
    cause: F64Array
    effect: F64Array


def system_phi3(network: Network, *, parts: Literal[2, 3] = 2) -> float:
    """Return the system phi of IIT 3.0 with the earth mover's distance.

    Parameters
    ----------
    network : Network
        Of 2..5 elements.
    parts : {2, 3}
        Whether a mechanism's partition may leave purview elements to no mechanism at all.

    Raises
    ------
    ConfigError
        Another number of elements.

    References
    ----------
    Oizumi, Albantakis & Tononi (2014); the distance between purviews of 2015 (Mayner et al. 2018).
    """
    if not 2 <= network.size <= LARGEST:
        raise ConfigError(f"phi of IIT 3.0: expected 2..{LARGEST} elements, got {network.size}")
    whole = _Structure(network, {}, parts)
    concepts = whole.concepts()
    least = np.inf
    everything = set(range(network.size))
    for source in _subsets(tuple(everything), proper=True):
        cut = dict.fromkeys(everything - set(source), source)
        broken = _Structure(network, cut, parts)
        least = min(least, whole.distance(concepts, broken.concepts()))
        if least <= NOTHING:
            return 0.0
    return float(least)


class _Structure:
    """The cause-effect structure of a network, some connections replaced by noise."""

    def __init__(self, network: Network, cut: dict[int, Nodes], parts: int) -> None:
        self.network, self._cut, self._parts = network, cut, parts
        self._all: Nodes = tuple(range(network.size))
        states = np.array(list(product((0, 1), repeat=network.size)))
        self._hamming = np.abs(states[:, None] - states[None]).sum(axis=2)
        self._kept: dict[tuple[str, Nodes, Nodes], F64Array] = {}

    def _odds(self, element: int, value: int, inputs: Nodes) -> F64Array:
        """P(element = value | inputs), all others noise, over the states of the network."""
        noised = {*self._cut.get(element, ()), *(set(self._all) - set(inputs))}
        return self.network.odds(element, value, sorted(noised))

    def cause(self, mechanism: Nodes, purview: Nodes) -> F64Array:
        """P(past of the purview | mechanism in its state), uniform over the other elements."""
        key = ("cause", mechanism, purview)
        if key not in self._kept:
            joint = np.ones((2,) * self.network.size)
            for element in mechanism:
                joint = joint * self._odds(element, self.network.state[element], purview)
            self._kept[key] = joint / joint.sum()
        return self._kept[key]

    def effect(self, mechanism: Nodes, purview: Nodes) -> F64Array:
        """P(future of the purview | mechanism in its state), the others unconstrained."""
        key = ("effect", mechanism, purview)
        if key not in self._kept:
            joint = np.ones((1,) * self.network.size)
            for element in self._all:
                inputs = mechanism if element in purview else ()
                on = self._odds(element, 1, inputs)[self.network.state]
                shape = tuple(2 if i == element else 1 for i in self._all)
                joint = joint * np.array([1.0 - on, on]).reshape(shape)
            self._kept[key] = joint
        return self._kept[key]

    def concepts(self) -> dict[Nodes, Concept]:
        """Return every mechanism whose phi is above 0."""
        found = {}
        for mechanism in _subsets(self._all):
            past, cause = self._core(mechanism, "cause")
            future, effect = self._core(mechanism, "effect") if past > NOTHING else (0.0, cause)
            if min(past, future) > NOTHING:
                found[mechanism] = Concept(min(past, future), cause, effect)
        return found

    def _core(self, mechanism: Nodes, way: str) -> tuple[float, F64Array]:
        """Return the largest phi over purviews and that purview's repertoire."""
        best = 0.0, self.cause((), ())
        for purview in _subsets(self._all):
            phi, repertoire = self._mechanism_phi(mechanism, purview, way)
            if phi > best[0] + NOTHING or (abs(phi - best[0]) <= NOTHING < phi):
                best = max(phi, best[0]), repertoire
        return best

    def _mechanism_phi(self, mechanism: Nodes, purview: Nodes, way: str) -> tuple[float, F64Array]:
        repertoire = getattr(self, way)
        whole: F64Array = repertoire(mechanism, purview)
        least = np.inf
        for parts in _partitions(mechanism, purview, self._parts):
            split = _joined([repertoire(m, p) for m, p in parts], way, self.effect((), ()))
            least = min(least, self._apart(whole, split, way))
            if least <= NOTHING:
                return 0.0, whole
        return least, whole

    def _apart(self, a: F64Array, b: F64Array, way: str) -> float:
        if way == "effect":  # independent elements: the distance is the sum over marginals
            axes = [tuple(j for j in self._all if j != i) for i in self._all]
            return float(sum(abs(a.sum(axis=x)[1] - b.sum(axis=x)[1]) for x in axes))
        return transport_cost(a.ravel(), b.ravel(), self._hamming)

    def distance(self, whole: dict[Nodes, Concept], cut: dict[Nodes, Concept]) -> float:
        """Return the cost of moving the phi of one structure's concepts to the other's."""
        nothing = Concept(0.0, self.cause((), ()), self.effect((), ()))
        before, after = list(whole.values()), list(cut.values())
        supply = np.array([c.phi for c in before] + [0.0])
        demand = np.array([c.phi for c in after] + [0.0])
        excess = supply.sum() - demand.sum()
        supply[-1], demand[-1] = max(-excess, 0.0), max(excess, 0.0)
        cost = [[self._between(a, b) for b in [*after, nothing]] for a in [*before, nothing]]
        return transport_cost(supply, demand, cost)

    def _between(self, a: Concept, b: Concept) -> float:
        return self._apart(a.cause, b.cause, "cause") + self._apart(a.effect, b.effect, "effect")


def _joined(repertoires: list[F64Array], way: str, unconstrained: F64Array) -> F64Array:
    """Multiply the parts' repertoires, each of which leaves the others' elements free."""
    joint = repertoires[0]
    free = np.full_like(joint, 1.0 / joint.size) if way == "cause" else unconstrained
    for repertoire in repertoires[1:]:
        joint = np.where(free > 0, joint * repertoire / np.where(free > 0, free, 1.0), 0.0)
    product: F64Array = joint / joint.sum()
    return product


def _subsets(nodes: Nodes, *, proper: bool = False) -> Iterator[Nodes]:
    sizes = range(1, len(nodes) + (0 if proper else 1))
    return chain.from_iterable(combinations(nodes, size) for size in sizes)


def _partitions(mechanism: Nodes, purview: Nodes, parts: int) -> Iterator[list[Part]]:
    """Yield the ways to cut mechanism and purview into parts that do not know of each other."""
    for ends in product((0, 1), repeat=len(mechanism)):
        first: Nodes = tuple(m for m, e in zip(mechanism, ends, strict=True) if e == 0)
        second: Nodes = tuple(m for m, e in zip(mechanism, ends, strict=True) if e == 1)
        for goals in product(range(parts), repeat=len(purview)):
            seen: list[Nodes] = [
                tuple(p for p, g in zip(purview, goals, strict=True) if g == goal)
                for goal in range(parts)
            ]
            if not (first or seen[0]) or not (second or seen[1]):
                continue
            if parts == 3 and not ((first and second) or not seen[0] or not seen[1]):
                continue
            yield [(first, seen[0]), (second, seen[1]), *(((), s) for s in seen[2:])]
