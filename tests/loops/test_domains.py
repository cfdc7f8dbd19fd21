from __future__ import annotations

import numpy as np
from sklearn.metrics import adjusted_rand_score

from engrain.loops.domains import identify_domains, louvain
from engrain.loops.neighbours import NeighbourIndex
from tests.loops.planted import topics


def test_planted_topics_are_the_domains() -> None:
    rows, topic = topics(0, 1200, groups=6)
    index = NeighbourIndex.build(rows)
    domains = identify_domains(index, index.graph(10))
    assert domains.count == 6
    assert adjusted_rand_score(topic, domains.memories()) > 0.98
    sizes = np.bincount(domains.memories())
    assert (np.diff(sizes) <= 0).all()
    np.testing.assert_allclose(domains.weights, domains.weights.T)


def test_small_domains_join_until_few_are_left() -> None:
    rows, _ = topics(1, 600, groups=6)
    index = NeighbourIndex.build(rows)
    assert identify_domains(index, index.graph(10), most=3).count == 3


def test_louvain_parts_two_cliques() -> None:
    weights = np.zeros((8, 8))
    weights[:4, :4] = weights[4:, 4:] = 1.0
    weights[3, 4] = weights[4, 3] = 0.2
    np.fill_diagonal(weights, 0.0)
    labels = louvain(weights)
    assert len(set(labels[:4])) == len(set(labels[4:])) == 1
    assert labels[0] != labels[7]


def test_no_memories_have_no_domains() -> None:
    index = NeighbourIndex.build(np.zeros((0, 4), np.float32))
    domains = identify_domains(index, index.graph(4))
    assert domains.count == 0
    assert domains.weights.shape == (0, 0)
