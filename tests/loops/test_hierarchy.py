from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage
from sklearn.metrics import adjusted_rand_score

from engrain.base.arrays import F32Array, F64Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.loops import Distance, HierarchicalClustering, Linkage
from tests.strategies import normal, seeds

TOPICS, GROUPS, EACH, DIM = 4, 3, 12, 48


def planted(seed: int) -> tuple[F32Array, I64Array, I64Array]:
    """Return rows of groups within topics, and both labels."""
    rng = np.random.default_rng(seed)

    def directions(n: int) -> F64Array:
        rows: F64Array = rng.standard_normal((n, DIM))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    group = np.repeat(np.arange(TOPICS * GROUPS), EACH)
    topic = group // GROUPS
    centres = directions(TOPICS)[topic] + 0.5 * directions(TOPICS * GROUPS)[group]
    rows = centres + 0.12 * directions(len(group))
    lengths = rng.uniform(0.1, 10.0, (len(group), 1))
    return (rows * lengths).astype(np.float32), topic, group


@given(seeds, st.integers(2, 40), st.integers(1, 6))
def test_the_tree_is_that_of_scipy(seed: int, n: int, dim: int) -> None:
    rows = normal(seed, n, dim)
    ours = HierarchicalClustering(distance=Distance.Euclidean).fit(rows).merges
    theirs = linkage(rows.astype(np.float64), "ward")
    np.testing.assert_allclose(ours[:, 2], theirs[:, 2], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(ours[:, 3], theirs[:, 3])


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_hierarchy_is_found_at_both_levels(seed: int) -> None:
    rows, topic, group = planted(seed)
    tree = HierarchicalClustering().linkage(Linkage.Ward).distance(Distance.Cosine).fit(rows)
    assert adjusted_rand_score(topic, tree.cut(TOPICS)) >= 0.9
    assert adjusted_rand_score(group, tree.cut(TOPICS * GROUPS)) >= 0.9


@pytest.mark.parametrize("seed", range(5))
def test_stable_clusters_are_the_planted_ones_each_once(seed: int) -> None:
    rows, topic, group = planted(seed)
    found = HierarchicalClustering().fit(rows).stable_clusters()
    members = [tuple(c.members) for c in found]
    assert len(members) == len(set(members))
    for labels in (topic, group):
        planted_sets = {tuple(np.flatnonzero(labels == label)) for label in np.unique(labels)}
        assert planted_sets <= set(members)
    assert len(members) <= TOPICS + TOPICS * GROUPS + 3


def test_noise_has_no_stable_clusters() -> None:
    assert not HierarchicalClustering().fit(normal(1, 200, DIM)).stable_clusters()


def test_lengths_do_not_matter_where_directions_are_asked_for() -> None:
    rows, _, group = planted(1)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cut, same = (HierarchicalClustering().fit(r).cut(12) for r in (rows, unit))
    np.testing.assert_array_equal(cut, same)
    assert len(np.unique(cut)) == len(np.unique(group))


def test_equal_rows_and_a_single_one() -> None:
    same = np.ones((9, 3), dtype=np.float32)
    assert HierarchicalClustering().fit(same).merges[:, 2].max() < 1e-7
    tree = HierarchicalClustering().fit(same[:1])
    assert (len(tree.merges), tree.cut(1).tolist(), tree.stable_clusters()) == (0, [0], [])


def test_bad_input_is_refused() -> None:
    with pytest.raises(ShapeError, match="rows"):
        HierarchicalClustering().fit(np.zeros((0, 3), dtype=np.float32))
    with pytest.raises(ShapeError, match="length 0"):
        HierarchicalClustering().fit(np.zeros((2, 3), dtype=np.float32))
    with pytest.raises(NonFiniteError):
        HierarchicalClustering().fit(np.full((2, 3), np.nan, dtype=np.float32))
    with pytest.raises(ConfigError, match="clusters"):
        HierarchicalClustering().fit(normal(1, 3, 2)).cut(4)
