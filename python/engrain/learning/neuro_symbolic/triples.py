"""An indexed store of weighted triples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from engrain.base.errors import ConfigError, NonFiniteError

Index: TypeAlias = dict[str, dict[str, set[str]]]


@dataclass(frozen=True, slots=True)
class Triple:
    """A statement with the strength with which it holds.

    Attributes
    ----------
    subject, predicate, object : str
    weight : float
        In (0, 1].
    """

    subject: str
    predicate: str
    object: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.weight <= 1.0:
            raise NonFiniteError(f"weight: needs a number in (0, 1], got {self.weight!r}")

    @property
    def key(self) -> tuple[str, str, str]:
        """Subject, predicate and object, without the weight."""
        return self.subject, self.predicate, self.object


class TripleStore:
    """Triples under three indexes (SPO, POS, OSP): any pattern is answered by look-up.

    A triple added again takes the running mean of its weights.

    Parameters
    ----------
    max_triples : int
        Beyond it the triple first added longest ago is dropped.
    """

    def __init__(self, max_triples: int = 1_000_000) -> None:
        if max_triples < 1:
            raise ConfigError(f"max_triples: needs at least 1, got {max_triples}")
        self.max_triples = max_triples
        self._weights: dict[tuple[str, str, str], tuple[float, int]] = {}
        self._spo: Index = {}
        self._pos: Index = {}
        self._osp: Index = {}

    def __len__(self) -> int:
        return len(self._weights)

    def __contains__(self, key: tuple[str, str, str]) -> bool:
        return key in self._weights

    def __iter__(self) -> Iterator[Triple]:
        return self.match()

    def add(self, triple: Triple) -> None:
        """Add a triple in constant time."""
        key = triple.key
        mean, seen = self._weights.get(key, (0.0, 0))
        if not seen:
            if len(self._weights) >= self.max_triples:
                self.discard(*next(iter(self._weights)))
            s, p, o = key
            self._spo.setdefault(s, {}).setdefault(p, set()).add(o)
            self._pos.setdefault(p, {}).setdefault(o, set()).add(s)
            self._osp.setdefault(o, {}).setdefault(s, set()).add(p)
        self._weights[key] = (mean + (triple.weight - mean) / (seen + 1), seen + 1)

    def discard(self, subject: str, predicate: str, object: str) -> bool:
        """Remove a triple; return whether it was there."""
        if self._weights.pop((subject, predicate, object), None) is None:
            return False
        _prune(self._spo, subject, predicate, object)
        _prune(self._pos, predicate, object, subject)
        _prune(self._osp, object, subject, predicate)
        return True

    def weight(self, subject: str, predicate: str, object: str) -> float:
        """Return the weight of a triple, 0 where it is absent."""
        return self._weights.get((subject, predicate, object), (0.0, 0))[0]

    def match(
        self, subject: str | None = None, predicate: str | None = None, object: str | None = None
    ) -> Iterator[Triple]:
        """Yield the triples that agree with every part given."""
        for key in self._keys(subject, predicate, object):
            yield Triple(*key, weight=self._weights[key][0])

    def _keys(self, s: str | None, p: str | None, o: str | None) -> Iterator[tuple[str, str, str]]:
        if s is not None and p is not None and o is not None:
            yield from [(s, p, o)] if (s, p, o) in self._weights else []
        elif s is not None and (p is not None or o is None):
            for p1, o1 in _below(self._spo, s, p):
                yield s, p1, o1
        elif p is not None:
            for o1, s1 in _below(self._pos, p, o):
                yield s1, p, o1
        elif o is not None:
            for s1, p1 in _below(self._osp, o, s):
                yield s1, p1, o
        else:
            yield from list(self._weights)

    def neighbours(self, node: str) -> Iterator[tuple[str, str, float, bool]]:
        """Yield (predicate, other end, weight, forward) of every edge at a node."""
        for predicate, objects in self._spo.get(node, {}).items():
            for other in objects:
                yield predicate, other, self._weights[node, predicate, other][0], True
        for other, predicates in self._osp.get(node, {}).items():
            for predicate in predicates:
                yield predicate, other, self._weights[other, predicate, node][0], False


def _below(index: Index, first: str, second: str | None) -> Iterator[tuple[str, str]]:
    level = index.get(first, {})
    for name in list(level) if second is None else [second]:
        for third in list(level.get(name, ())):
            yield name, third


def _prune(index: Index, first: str, second: str, third: str) -> None:
    level = index[first]
    level[second].discard(third)
    if not level[second]:
        del level[second]
        if not level:
            del index[first]
