from __future__ import annotations

import pytest

from engrain.loops import EdgeType, EdgeUpdate, MemoryGraph


def test_edges_strengthen_and_weaken_within_their_bounds() -> None:
    graph, weight = MemoryGraph(), 0.0
    for _ in range(300):
        got = graph.update_edge_weight(0, 1, EdgeUpdate.Strengthen(0.05))
        weight = EdgeUpdate.Strengthen(0.05).apply(weight)
        assert got == pytest.approx(weight, abs=1e-5)
    assert 0.99 < got <= 1.0
    # the percentages of the specification, taken literally, would be at 2.3 million by now
    assert graph.update_edge_weight(0, 1, EdgeUpdate.Weaken(0.02)) == pytest.approx(0.98 * got)
    assert graph.update_edge_weight(1, 0, EdgeUpdate.Weaken(0.5)) == 0.0


def test_the_kind_of_an_edge_is_kept_and_nodes_are_checked() -> None:
    graph = MemoryGraph()
    graph.update_edge_weight(2, 3, EdgeUpdate.Strengthen(0.5), EdgeType.Creative)
    _, weights, kinds = graph.edges.neighbours(2)
    assert (weights.tolist(), kinds.tolist()) == ([0.5], [int(EdgeType.Creative)])
    with pytest.raises(ValueError, match="-1"):
        graph.update_edge_weight(-1, 3, EdgeUpdate.Strengthen(0.5))
