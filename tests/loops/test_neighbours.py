from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.kernels import from_bfloat16
from engrain.loops import neighbours
from engrain.loops.neighbours import NeighbourGraph, NeighbourIndex, unit_bfloat16


def planted(seed: int, n: int, dim: int = 64, groups: int = 60) -> F32Array:
    """Unit rows in groups, each of which varies along a few directions of its own."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((groups, dim))
    own = rng.standard_normal((groups, 6, dim))
    group = rng.integers(0, groups, n)
    rows = centres[group] + np.einsum("nf,nfd->nd", rng.standard_normal((n, 6)), own[group]) / 2
    rows += 0.1 * rng.standard_normal((n, dim))
    unit: F32Array = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def exact(index: NeighbourIndex, which: list[int], k: int) -> np.ndarray:
    rows = from_bfloat16(index.rows)
    scores = rows[which] @ rows.T
    scores[np.arange(len(which)), which] = -np.inf
    best: np.ndarray = np.argsort(-scores, axis=1)[:, :k]
    return best


def recall(index: NeighbourIndex, graph: NeighbourGraph, k: int) -> float:
    which = list(range(0, len(index), max(1, len(index) // 300)))
    pairs = zip(exact(index, which, k), graph.rows[which], strict=True)
    return float(np.mean([len({*a} & {*b}) / k for a, b in pairs]))


def test_small_sets_are_compared_exactly() -> None:
    index = NeighbourIndex.build(planted(0, 700))
    graph = index.graph(16)
    assert recall(index, graph, 16) > 0.999
    assert (np.diff(graph.cosines, axis=1) <= 0).all()
    assert not (graph.rows == np.arange(700)[:, None]).any()


def test_lists_find_nearly_all_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT", 1000)
    index = NeighbourIndex.build(planted(1, 12_000, groups=150))
    assert len(index.centres) == 219
    assert recall(index, index.graph(16), 16) >= 0.95


def test_neighbours_of_some_rows_are_those_of_the_whole_graph() -> None:
    index = NeighbourIndex.build(planted(2, 900))
    which = np.array([5, 17, 899, 3])
    found, cosines = index.nearest(which, 8)
    graph = index.graph(8)
    np.testing.assert_array_equal(found, graph.rows[which])
    np.testing.assert_array_equal(cosines, graph.cosines[which])


def test_a_query_finds_its_row() -> None:
    rows = planted(3, 500)
    found, cosines = NeighbourIndex.build(rows).search(rows[[7, 8]], 3)
    assert found[:, 0].tolist() == [7, 8]
    assert cosines[:, 0] == pytest.approx(1.0, abs=5e-3)


def test_pairs_name_each_pair_once() -> None:
    rows = np.array([[1, 2], [0, 2], [0, -1]], np.int32)
    cosines = np.array([[0.9, 0.5], [0.9, 0.4], [0.5, -np.inf]], np.float32)
    a, b, found = NeighbourGraph(rows, cosines).near_pairs(np.arange(3), -1.0)
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 2)]
    assert found.tolist() == pytest.approx([0.9, 0.5, 0.4])
    assert len(NeighbourGraph(rows, cosines).near_pairs(np.arange(3), 0.45)[0]) == 2


def test_a_snapshot_is_mapped_and_answers_alike(tmp_path: Path) -> None:
    folder = tmp_path / "neighbours"
    index = NeighbourIndex.build(planted(4, 800))
    index.save(folder)
    mapped = NeighbourIndex.open(folder)
    assert isinstance(mapped.rows, np.memmap)
    np.testing.assert_array_equal(mapped.graph(8).rows, index.graph(8).rows)
    index.save(folder)  # again, over the old one


def test_bad_vectors_are_refused() -> None:
    with pytest.raises(ShapeError, match="row 1 has length 0"):
        unit_bfloat16(np.array([[1, 0], [0, 0]], np.float32))
    with pytest.raises(NonFiniteError):
        unit_bfloat16(np.array([[1, np.nan]], np.float32))
    with pytest.raises(ShapeError, match="expected shape"):
        unit_bfloat16(np.zeros(3, np.float32))
    with pytest.raises(ConfigError, match="k"):
        NeighbourIndex.build(planted(5, 20)).graph(0)


def test_a_million_memories_fit_in_the_space_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT", 1000)
    rng = np.random.default_rng(6)
    n = 6000
    index = NeighbourIndex.build(rng.standard_normal((n, 384)).astype(np.float32))
    graph, lists = index.graph(16), index._lists
    arrays = (index.rows, index.labels, lists.ids, lists.codes, lists.scale, graph.rows)
    size = sum(array.nbytes for array in (*arrays, graph.cosines))
    used = 5 * 8 + 1  # accesses, quality, created, accessed, merged_into, faded
    assert size / n + used <= 1600
