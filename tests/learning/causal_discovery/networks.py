"""Causal networks with known structure: reading, sampling, and the distance between graphs."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from engrain.base.arrays import BoolArray, F64Array, I64Array
from engrain.learning.causal_discovery.background import BackgroundKnowledge
from engrain.learning.causal_discovery.pc import orient_by_meek


@dataclass
class Network:
    """A discrete Bayesian network."""

    names: list[str] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=dict)
    parents: dict[str, list[str]] = field(default_factory=dict)
    tables: dict[str, F64Array] = field(default_factory=dict)

    @property
    def levels(self) -> list[int]:
        return [len(self.values[name]) for name in self.names]

    def edges(self) -> BoolArray:
        index = {name: i for i, name in enumerate(self.names)}
        graph = np.zeros((len(index), len(index)), dtype=np.bool_)
        for name, parents in self.parents.items():
            graph[[index[p] for p in parents], index[name]] = True
        return graph

    def sample(self, n: int, seed: int) -> I64Array:
        rng = np.random.default_rng(seed)
        drawn: dict[str, I64Array] = {}
        while len(drawn) < len(self.names):
            for name in self.names:
                if name in drawn or any(p not in drawn for p in self.parents[name]):
                    continue
                rows = self.tables[name][tuple(drawn[p] for p in self.parents[name])]
                rows = np.broadcast_to(rows, (n, rows.shape[-1]))
                drawn[name] = (rng.random((n, 1)) > rows.cumsum(axis=1)).sum(axis=1)
                drawn[name] = np.minimum(drawn[name], rows.shape[1] - 1)
        return np.column_stack([drawn[name] for name in self.names])


def read_bif(path: Path) -> Network:
    """Read a network in the Bayesian interchange format."""
    with gzip.open(path, "rt") as file:
        text = file.read()
    network = Network()
    for name, values in re.findall(r"variable (\S+) \{[^{]*\{([^}]*)\}", text):
        network.names.append(name)
        network.values[name] = [v.strip() for v in values.split(",")]
    for head, body in re.findall(r"probability \(([^)]*)\) \{([^}]*)\}", text):
        child, _, given = (part.strip() for part in head.partition("|"))
        parents = [p.strip() for p in given.split(",") if p.strip()]
        shape = [len(network.values[p]) for p in parents] + [len(network.values[child])]
        table = np.zeros(shape)
        for key, row in re.findall(r"(?:table|\(([^)]*)\))([^;]*);", body):
            where = tuple(
                network.values[p].index(v.strip())
                for p, v in zip(parents, key.split(","), strict=False)
            )
            table[where] = [float(x) for x in row.split(",")]
        network.parents[child], network.tables[child] = parents, table
    return network


def cpdag(dag: BoolArray) -> BoolArray:
    """Return the class of graphs that no observation tells from `dag`."""
    adjacent = dag | dag.T
    graph = adjacent.copy()
    for y in range(len(dag)):
        for x, z in combinations(np.flatnonzero(dag[:, y]).tolist(), 2):
            if not adjacent[x, z]:
                graph[y, x] = graph[y, z] = False
    orient_by_meek(graph, BackgroundKnowledge())
    return graph


def structural_distance(a: BoolArray, b: BoolArray) -> int:
    """Count the pairs whose edge is missing, extra or of another direction (SHD)."""
    differs = (a != b) | (a != b).T
    return int(np.triu(differs).sum())
