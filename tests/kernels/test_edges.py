from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.kernels import EdgeTable, reference
from engrain.kernels.reference.edges import Graph
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, seeds

Batch = tuple[I64Array, I64Array, F32Array]


def batch(seed: int, n: int, nodes: int) -> Batch:
    rng = np.random.default_rng(seed)
    source, target = rng.integers(0, nodes, (2, n))
    return source, target, rng.uniform(-1, 1, n).astype(np.float32)


def digest(table: EdgeTable) -> tuple[bytes, ...]:
    return tuple(array.tobytes() for array in table.state().values())


def as_graph(table: EdgeTable) -> Graph:
    graph: Graph = {}
    for source, target, weight, _ in zip(*table.edges(), strict=True):
        graph.setdefault(int(source), {})[int(target)] = float(weight)
    return graph


@pytest.mark.parametrize("n", EXTENTS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nodes=st.integers(1, 60), per_node=st.integers(1, 8), oja=st.booleans(), seed=seeds)
def test_edges_agree_with_their_oracle(
    simd: str, n: int, nodes: int, per_node: int, oja: bool, seed: int
) -> None:
    table, graph = EdgeTable(per_node=per_node, oja=oja, eta_plus=0.3, eta_minus=0.1), Graph()
    source, target, signal = batch(seed, n, nodes)
    table.update(source, target, signal)
    updates = zip(source.tolist(), target.tolist(), signal.astype(float).tolist(), strict=True)
    reference.update_edges(graph, updates, eta_plus=0.3, eta_minus=0.1, per_node=per_node, oja=oja)
    got = as_graph(table)
    assert {u: list(edges) for u, edges in got.items()} == {
        u: list(edges) for u, edges in graph.items() if edges
    }
    for node, edges in got.items():
        np.testing.assert_allclose(list(edges.values()), list(graph[node].values()), atol=2e-5)


@pytest.mark.parametrize("oja", [False, True])
def test_weights_lie_in_the_unit_interval_after_a_hundred_thousand_uses(oja: bool) -> None:
    table, rng = EdgeTable(per_node=16, oja=oja), np.random.default_rng(3)
    for step in range(1000):
        source, target = rng.integers(0, 200, (2, 100))
        table.update(source, target, rng.choice([-1.0, 0.3, 1.0], 100).astype(np.float32))
        if step % 50 == 49:
            table.decay(0.5)
        weights = table.edges()[2]
        assert weights.min() >= 0.0
        assert weights.max() <= 1.0
    assert len(weights) > 1000
    assert weights.max() > 0.05


@settings(max_examples=30)
@given(seed=seeds, hops=st.integers(1, 2), n=st.integers(0, 400))
def test_spread_agrees_with_its_oracle(seed: int, hops: int, n: int) -> None:
    table = EdgeTable(eta=0.5)
    source, target, signal = batch(seed, n, 50)
    table.update(source, target, signal)
    nodes, received = table.spread(
        np.array([1, 7]), np.array([1.0, 0.25], dtype=np.float32), hops=hops, limit=1000
    )
    exact = reference.spread_activation(as_graph(table), {1: 1.0, 7: 0.25}, hops=hops)
    got = dict(zip(nodes.tolist(), received.tolist(), strict=True))
    assert got == pytest.approx({k: v for k, v in exact.items() if v > 0}, abs=1e-6)
    assert sum(got.values()) <= 1.25 * (0.5 + 0.25) + 1e-5


def test_spread_is_bounded_by_its_limit_and_leaves_no_trace() -> None:
    table = EdgeTable(per_node=64)
    source = np.repeat(np.arange(64), 64)
    table.update(source, np.tile(np.arange(64), 64) + 64, np.ones(4096, dtype=np.float32))
    one = np.ones(1, dtype=np.float32)
    for _ in range(3):
        nodes, _ = table.spread(np.array([3]), one, limit=10)
        assert nodes.tolist() == list(range(64, 73))
    assert len(table.spread(np.array([3]), one)[0]) == 64
    assert len(table.spread(np.array([10**6]), one)[0]) == 0


def test_after_many_uses_every_weight_lies_between_0_and_1() -> None:
    for table in (EdgeTable(), EdgeTable(eta=0.05), EdgeTable(eta=0.4, oja=True)):
        for step in range(100):
            source, target, signal = batch(step, 1000, 40)
            table.update(source, target, np.where(target % 3, np.abs(signal), signal))
            table.decay(0.999)
        weights = table.edges()[2]
        assert weights.min() >= 0
        assert weights.max() <= 1
        assert (table.weights(*table.edges()[:2]) == weights).all()


def test_one_rate_makes_the_weight_the_moving_average_of_use() -> None:
    table = EdgeTable(eta=0.05)
    rng = np.random.default_rng(0)
    here, there = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    seen = []
    for use in rng.random(4000) < 0.7:
        table.update(here, there, np.array([1 if use else -1], dtype=np.float32))
        seen.append(table.weights(here, there)[0])
    assert np.mean(seen[200:]) == pytest.approx(0.7, abs=0.03)


def test_oja_holds_the_norm_of_what_leaves_a_node_at_1() -> None:
    table = EdgeTable(eta_plus=0.02, oja=True)
    fan = np.arange(1, 9)
    for _ in range(2000):
        table.update(np.zeros(8, dtype=np.int64), fan, np.ones(8, dtype=np.float32))
    assert np.linalg.norm(table.neighbours(0)[1]) == pytest.approx(1, abs=0.02)


def test_decay_is_lazy_and_exact() -> None:
    table = EdgeTable(eta=0.5)
    source, target, signal = batch(1, 200, 30)
    table.update(source, target, np.abs(signal))
    before = table.edges()[2].astype(float)
    for _ in range(1000):
        table.decay(0.98)
    np.testing.assert_allclose(table.edges()[2], before * 0.98**1000, rtol=1e-3)
    table.update(source[:1], target[:1], np.ones(1, dtype=np.float32))
    assert table.weights(source[:1], target[:1])[0] == pytest.approx(0.5, abs=1e-6)


def test_removal_pruning_and_kinds() -> None:
    table = EdgeTable()
    source, target = np.repeat(np.arange(20), 10), np.tile(np.arange(10), 20)
    weight = np.linspace(0, 1, 200, dtype=np.float32)
    table.assign(source, target, weight, (np.arange(200) % 5).astype(np.uint8))
    to, got, kinds = table.neighbours(3)
    assert to.tolist() == list(range(10))
    assert got.tolist() == weight[30:40].tolist()
    assert kinds.tolist() == [i % 5 for i in range(30, 40)]
    assert table.remove(source[:7], target[:7]) == 7
    assert table.remove(source[:7], target[:7]) == 0
    assert table.remove_node(4) == 10 + 19 - 1
    assert table.prune(0.5) == sum(
        w < 0.5 and u != 4 and v != 4 and i >= 7
        for i, (u, v, w) in enumerate(zip(source, target, weight, strict=True))
    )
    assert len(table) == len(table.edges()[0])
    assert table.edges()[2].min() >= 0.5


def test_the_table_is_capped_and_keeps_the_newest() -> None:
    table = EdgeTable(per_node=16, max_edges=500)
    for step in range(50):
        source, target, signal = batch(step, 200, 100)
        table.update(source, target, np.abs(signal))
        assert len(table) <= 500
    assert table.evicted > 1000
    newest = table.weights(source[-1:], target[-1:])
    assert newest[0] > 0 or table.refused > 0


def test_state_is_equal_at_every_level_and_continues_bit_for_bit_after_a_restart() -> None:
    digests = set()
    for level in LEVELS:
        set_simd_level(level)
        table = EdgeTable(per_node=8)
        for step in range(30):
            table.update(*batch(step, 300, 80), kind=step % 7)
            table.decay(0.99)
        digests.add(digest(table))
    again = EdgeTable(per_node=8)
    again.load(table.state())
    assert len(digests) == 1
    assert digest(again) == digest(table)
    for other in (table, again):
        other.update(*batch(99, 1000, 80))
    assert digest(again) == digest(table)
    with pytest.raises(SnapshotError, match="per_node"):
        EdgeTable(per_node=1).load(table.state())


def test_edges_refuse_bad_input_before_any_change() -> None:
    table = EdgeTable()
    source, target, signal = batch(0, 9, 10)
    table.update(source, target, signal)
    before = digest(table)
    for bad in (np.nan, np.inf, 1.5):
        wrong = signal.copy()
        wrong[8] = bad
        with pytest.raises(NonFiniteError, match="signal"):
            table.update(source, target, wrong)
    with pytest.raises(ValueError, match="handles"):
        table.update(source - 20, target, signal)
    with pytest.raises(ValueError, match="handles"):
        table.update(source + 2**32, target, signal)
    with pytest.raises(ShapeError, match="target"):
        table.update(source, target[:8], signal)
    with pytest.raises(TypeError, match="signal"):
        table.update(source, target, signal.astype(float))
    with pytest.raises(TypeError, match="source"):
        table.update(source.astype(np.int32), target, signal)
    with pytest.raises(TypeError, match="strides"):
        table.update(source[::2], target[:5], signal[:5])
    with pytest.raises(ValueError, match="factor"):
        table.decay(0.0)
    with pytest.raises(ConfigError, match="eta_plus"):
        EdgeTable(eta=2.0)
    assert digest(table) == before
