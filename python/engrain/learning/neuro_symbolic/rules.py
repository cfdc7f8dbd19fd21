"""Fusion of relation paths: rules of length one and two that predict missing triples.

Each path of relations that often joins the two ends of a relation becomes a rule with a
confidence; the rules that hold for a pair are fused as independent reasons (noisy or).

Sources: Lao & Cohen (2010), path ranking; Galárraga et al. (2013), confidence under partial
completeness; Pearl (1988), noisy or.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from engrain.base.arrays import F64Array, I64Array
from engrain.base.errors import ConfigError, UnknownIdError

_NONE = np.zeros(0, dtype=np.int64)


class Rule(NamedTuple):
    """A path of one or two relations that speaks for another; `second` is -1 where it has one."""

    first: int
    second: int
    confidence: float


class PathFusion:
    """Predicts missing ends of triples from paths of relations.

    Parameters
    ----------
    triples : iterable of (head, relation, tail)
    prior : float
        Pseudo-count added to the number of pairs that a path joins.
    max_rules : int
        Rules kept per relation, most confident first.
    max_joins : int
        Bound on the pairs of edges joined while learning; beyond it paths through the nodes with
        the most edges are left out.
    """

    def __init__(
        self,
        triples: Iterable[tuple[str, str, str]],
        prior: float = 20.0,
        max_rules: int = 50,
        max_joins: int = 20_000_000,
    ) -> None:
        if prior <= 0 or max_rules < 1:
            raise ConfigError(f"prior {prior} must be positive, max_rules {max_rules} at least 1")
        rows = sorted(set(triples))
        self.entities = sorted({end for s, _, o in rows for end in (s, o)})
        self.relations = sorted({p for _, p, _ in rows})
        self._entity = {name: i for i, name in enumerate(self.entities)}
        self._relation = {name: i for i, name in enumerate(self.relations)}
        edges = self._encode(rows)
        self._ends = _ends_by_start(edges)
        self._rules = _learn(edges, len(self.entities), 2 * len(self.relations), prior, max_joins)
        self._rules = {code: rules[:max_rules] for code, rules in self._rules.items()}

    def _encode(self, rows: list[tuple[str, str, str]]) -> I64Array:
        """Return (start, relation, end) of every edge and its inverse, inverses numbered on."""
        coded = np.array(
            [(self._entity[s], self._relation[p], self._entity[o]) for s, p, o in rows],
            dtype=np.int64,
        ).reshape(-1, 3)
        inverse = coded[:, ::-1] + np.array([0, len(self.relations), 0])
        return np.concatenate([coded, inverse])

    def scores(self, known: str, relation: str, inverse: bool = False) -> F64Array:
        """Return a score in [0, 1] for every entity, in the order of `entities`.

        Parameters
        ----------
        known : str
            The head of (known, relation, ?).
        relation : str
        inverse : bool
            `known` is the tail, and heads are scored.

        Raises
        ------
        UnknownIdError
            Entity or relation not among the triples learned from.
        """
        if known not in self._entity or relation not in self._relation:
            raise UnknownIdError((known, relation), "this rule set")
        start = np.array([self._entity[known]])
        code = self._relation[relation] + (len(self.relations) if inverse else 0)
        doubt = np.zeros(len(self.entities))
        for first, second, confidence in self._rules[code]:
            reached = self._follow(start, first)
            if second >= 0:
                reached = self._follow(reached, second)
            doubt[reached] += np.log1p(-confidence)
        return np.asarray(-np.expm1(doubt))

    def _follow(self, nodes: I64Array, relation: int) -> I64Array:
        ends = [self._ends.get((int(node), relation), _NONE) for node in nodes]
        return np.unique(np.concatenate(ends)) if ends else _NONE


def _ends_by_start(edges: I64Array) -> dict[tuple[int, int], I64Array]:
    groups: dict[tuple[int, int], list[int]] = {}
    for start, relation, end in edges.tolist():
        groups.setdefault((start, relation), []).append(end)
    return {key: np.array(ends, dtype=np.int64) for key, ends in groups.items()}


def _learn(
    edges: I64Array, n: int, names: int, prior: float, max_joins: int
) -> dict[int, list[Rule]]:
    """Return the rules of every relation and inverse, most confident first."""
    radix = names + 1
    first, second = _joined(edges, n, max_joins)
    paths = np.concatenate([edges[:, 1] * radix, edges[first, 1] * radix + edges[second, 1] + 1])
    pairs = np.concatenate([edges[:, 0] * n + edges[:, 2], edges[first, 0] * n + edges[second, 2]])
    keys = np.unique(paths * (n * n) + pairs)
    paths, pairs = keys // (n * n), keys % (n * n)
    codes, paths = np.unique(paths, return_inverse=True)
    rules = {}
    for relation in range(names):
        confidence = _confidence(paths, pairs, edges[edges[:, 1] == relation], n, prior)
        confidence[codes == relation * radix] = 0.0
        order = np.argsort(-confidence, kind="stable")
        rules[relation] = [
            Rule(int(codes[i] // radix), int(codes[i] % radix) - 1, float(confidence[i]))
            for i in order[: np.count_nonzero(confidence)]
        ]
    return rules


def _joined(edges: I64Array, n: int, max_joins: int) -> tuple[I64Array, I64Array]:
    """Return row numbers (a, b) with end of a = start of b, hubs left out beyond `max_joins`."""
    order = np.argsort(edges[:, 0], kind="stable")
    degree = np.bincount(edges[:, 0], minlength=n)
    by_cost = np.argsort(degree, kind="stable")
    kept = np.zeros(n, dtype=np.bool_)
    kept[by_cost[np.cumsum(degree[by_cost] ** 2) <= max_joins]] = True
    first = np.flatnonzero(kept[edges[:, 2]])
    middle = edges[first, 2]
    repeats = degree[middle]
    start = (np.cumsum(degree) - degree)[middle]
    offset = np.arange(int(repeats.sum())) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    return np.repeat(first, repeats), order[np.repeat(start, repeats) + offset]


def _confidence(
    paths: I64Array, pairs: I64Array, edges: I64Array, n: int, prior: float
) -> F64Array:
    """Return per path: pairs that it joins rightly, over pairs whose start has the relation."""
    starts = np.isin(pairs // n, edges[:, 0])
    right = np.isin(pairs, edges[:, 0] * n + edges[:, 2])
    size = int(paths.max(initial=-1)) + 1
    body = np.bincount(paths[starts], minlength=size)
    support = np.bincount(paths[right], minlength=size)
    return np.asarray(support / (body + prior))
