from __future__ import annotations

import gzip
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from engrain.base.arrays import BoolArray, F64Array
from engrain.learning.causal_discovery import (
    BackgroundKnowledge,
    DiscreteStatistics,
    FisherZ,
    GaussianStatistics,
    GSquare,
    IndependenceTest,
    pc,
)
from engrain.learning.causal_discovery.pc import reaches
from tests.learning.causal_discovery.networks import cpdag, read_bif, structural_distance


class Separation:
    """Answers independence from the graph itself: p = 1 where i and j are d-separated."""

    def __init__(self, dag: BoolArray) -> None:
        self.dag = dag
        self.variables = len(dag)

    def __call__(self, i: int, j: int, given: Sequence[int] = ()) -> float:
        keep = {i, j, *given}
        while True:
            parents = {int(p) for k in keep for p in np.flatnonzero(self.dag[:, k])}
            if parents <= keep:
                break
            keep |= parents
        moral = self.dag | self.dag.T
        for k in keep:
            for a, b in combinations(np.flatnonzero(self.dag[:, k]).tolist(), 2):
                moral[a, b] = moral[b, a] = True
        seen, front = {i}, [i]
        while front:
            near = np.flatnonzero(moral[front.pop()]).tolist()
            fresh = {k for k in near if k in keep and k not in given} - seen
            seen |= fresh
            front += fresh
        return 0.0 if j in seen else 1.0


def linear_data(seed: int) -> F64Array:
    rng = np.random.default_rng(seed)
    v = int(rng.integers(4, 11))
    weights = np.triu(rng.random((v, v)) < min(0.9, 2.2 / (v - 1)), 1) * rng.uniform(
        0.4, 1.2, (v, v)
    )
    weights *= rng.choice([-1, 1], (v, v))
    rows = np.zeros((1000, v))
    for j in range(v):
        rows[:, j] = rows @ weights[:, j] + rng.standard_normal(1000)
    return rows[:, rng.permutation(v)]


def fisher_z(rows: F64Array) -> FisherZ:
    statistics = GaussianStatistics(rows.shape[1])
    statistics.update(rows)
    return FisherZ(statistics)


@pytest.mark.filterwarnings("ignore")
def test_graph_is_that_of_causal_learn_on_fifty_graphs() -> None:
    peer = pytest.importorskip("causallearn.search.ConstraintBased.PC")
    for seed in range(50):
        rows = linear_data(seed)
        marks = peer.pc(rows, 0.01, "fisherz", show_progress=False).G.graph
        theirs = (marks == -1) & (marks.T != 0)
        np.testing.assert_array_equal(pc(fisher_z(rows), 0.01), theirs, err_msg=f"seed {seed}")


@pytest.mark.parametrize("seed", range(20))
def test_with_perfect_answers_the_whole_class_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dag = np.triu(rng.random((7, 7)) < 0.35, 1)
    order = rng.permutation(7)
    dag = dag[np.ix_(order, order)]
    np.testing.assert_array_equal(pc(Separation(dag)), cpdag(dag))


def co_occurrence(test: IndependenceTest, alpha: float) -> BoolArray:
    graph = np.zeros((test.variables, test.variables), dtype=np.bool_)
    for i, j in combinations(range(test.variables), 2):
        graph[i, j] = graph[j, i] = test(i, j) < alpha
    return graph


@pytest.mark.parametrize("name", ["asia", "cancer", "earthquake", "survey", "sachs", "insurance"])
def test_known_networks_are_recovered_better_than_by_co_occurrence(data: Path, name: str) -> None:
    network = read_bif(data / "causal_dev" / f"{name}.bif.gz")
    statistics = DiscreteStatistics(network.levels)
    statistics.update(network.sample(20_000, seed=1))
    test, truth = GSquare(statistics), cpdag(network.edges())
    found = pc(test, 0.01, max_given=3)
    ours = structural_distance(found, truth)
    baseline = structural_distance(co_occurrence(test, 0.01), truth)
    print(f"{name}: SHD {ours}, co-occurrence {baseline}, edges {int(network.edges().sum())}")
    assert ours < baseline


def test_protein_signals_are_recovered_better_than_by_co_occurrence(data: Path) -> None:
    folder = data / "causal_dev"
    with gzip.open(folder / "sachs2005_continuous.tsv.gz", "rt") as file:
        names = file.readline().split()
        rows = np.log(np.loadtxt(file))
    truth = np.zeros((11, 11), dtype=np.bool_)
    for line in (folder / "sachs2005_graph.txt").read_text().splitlines():
        if "-->" in line:
            cause, effect = line.split(". ")[1].split(" --> ")
            truth[names.index(cause.strip()), names.index(effect.strip())] = True
    test = fisher_z(rows)
    ours = structural_distance(pc(test, 0.01, max_given=3), cpdag(truth))
    baseline = structural_distance(co_occurrence(test, 0.01), cpdag(truth))
    print(f"sachs2005 (20 edges): SHD {ours}, co-occurrence {baseline}")
    assert ours < baseline


def test_an_always_present_distractor_gets_no_edge_and_a_collider_is_oriented() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal((2, 3000))
    effect = a + b + 0.5 * rng.standard_normal(3000)
    rows = np.column_stack([a, effect, b, np.ones(3000)])
    graph = pc(fisher_z(rows), 0.01)
    assert [tuple(edge) for edge in np.argwhere(graph)] == [(0, 1), (2, 1)]


def test_time_orients_what_data_cannot() -> None:
    rng = np.random.default_rng(6)
    first = rng.standard_normal(2000)
    rows = np.column_stack([first + rng.standard_normal(2000), first])
    test = fisher_z(rows)
    assert pc(test).sum() == 2
    ordered = pc(test, knowledge=BackgroundKnowledge(tiers=(1, 0)))
    assert [tuple(edge) for edge in np.argwhere(ordered)] == [(1, 0)]
    kept = pc(
        fisher_z(rng.standard_normal((500, 2))), knowledge=BackgroundKnowledge(required=[(0, 1)])
    )
    assert [tuple(edge) for edge in np.argwhere(kept)] == [(0, 1)]
    none = pc(test, knowledge=BackgroundKnowledge(forbidden=[(0, 1), (1, 0)]))
    assert not none.any()


def test_result_has_no_directed_cycle() -> None:
    for seed in range(20):
        graph = pc(fisher_z(linear_data(seed)[:100]), 0.2)
        for i, j in np.argwhere(graph & ~graph.T):
            assert not reaches(graph, int(j), int(i))


def test_a_level_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha"):
        pc(fisher_z(np.zeros((10, 2))), 1.0)
    with pytest.raises(ValueError, match="contradict"):
        BackgroundKnowledge(tiers=(0, 1), required=[(1, 0)])
