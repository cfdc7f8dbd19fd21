from __future__ import annotations

import numpy as np
import pytest

from engrain.base.arrays import I64Array
from engrain.base.errors import ConfigError
from engrain.loops.dreams import DreamEngine, proposals, proven, still_useful
from engrain.loops.material import Links
from engrain.loops.neighbours import NeighbourGraph, NeighbourIndex, unit_bfloat16
from engrain.loops.replay import LoggedQuestion
from engrain.loops.signals import EdgeType
from tests.loops.planted import topics


def engine(seed: int = 0) -> tuple[DreamEngine, NeighbourGraph]:
    rows, _ = topics(0, 400)
    index = NeighbourIndex.build(rows)
    graph = index.graph(8)
    return DreamEngine(graph, index.rows, seed=seed), graph


def test_walks_follow_the_graph_and_never_turn_straight_back() -> None:
    dreamer, graph = engine()
    for dream in dreamer.generate_dreams(np.arange(50), 12, 1.0):
        assert len(dream.path) == 13
        for here, there in zip(dream.path[:-1], dream.path[1:], strict=True):
            assert there in graph.rows[here]
        assert (dream.path[2:] != dream.path[:-2]).all()


def test_novelty_and_coherence_are_what_they_say() -> None:
    dreamer, graph = engine(1)
    rows, _ = topics(0, 400)
    dream = dreamer.generate_dream(3, 10, 1.0)
    steps = [float(rows[a] @ rows[b]) for a, b in zip(dream.path[:-1], dream.path[1:], strict=True)]
    assert dream.coherence == pytest.approx(np.mean(steps), abs=0.01)
    cosines = rows[dream.path[1:]] @ rows[3]
    new = [
        row != 3 and row not in graph.rows[3] and 0.3 < cosine < 0.8
        for row, cosine in zip(dream.path[1:].tolist(), cosines, strict=True)
    ]
    assert dream.novelty == pytest.approx(np.mean(new), abs=0.11)
    assert not np.isin(dream.novel, graph.rows[3]).any()


def test_heat_takes_walks_further() -> None:
    dreamer, graph = engine(2)
    starts = np.tile(np.arange(100), 5)
    cool, hot = (
        np.mean([(graph.rows[d.path[0], 0] == d.path[1]) for d in dreams])
        for dreams in (
            dreamer.generate_dreams(starts, 1, 0.01),
            dreamer.generate_dreams(starts, 1, 20.0),
        )
    )
    assert cool > 0.3 > hot


def test_only_novel_and_coherent_dreams_propose() -> None:
    dreamer, _ = engine(3)
    dreams = dreamer.generate_dreams(np.arange(100), 10, 1.0)
    offered = proposals(dreams, novelty=0.2, coherence=0.3)
    assert 0 < len(offered) < sum(len(d.novel) for d in dreams) + 1
    assert (offered.kinds == int(EdgeType.Creative)).all()
    assert (offered.weights < 0.1).all()
    assert len(proposals(dreams, novelty=0.999, coherence=0.3)) == 0


def asked(n: int, answer: I64Array) -> list[LoggedQuestion]:
    """Questions whose ten best all miss an answer that row 0 could be linked to."""
    return [LoggedQuestion(np.arange(10), np.array([answer[i % len(answer)]])) for i in range(n)]


def test_links_that_replay_proves_are_taken_and_others_not() -> None:
    useful = Links.between(np.array([0]), np.array([50]), np.array([0.1]), 1)
    useless = Links.between(np.array([0]), np.array([60]), np.array([0.1]), 1)
    offered = useful.joined(useless)
    assert proven(offered, Links.none(), asked(20, np.array([50]))).tolist() == [True, False]
    assert not proven(offered, Links.none(), asked(20, np.array([70]))).any()


def test_a_link_that_helps_one_half_alone_is_not_taken() -> None:
    offered = Links.between(np.array([0]), np.array([50]), np.array([0.1]), 1)
    once = [*asked(1, np.array([50])), *asked(19, np.array([70]))]
    taken = [proven(offered, Links.none(), once, seed=seed).any() for seed in range(8)]
    assert not any(taken)


def test_links_that_push_answers_out_are_not_taken() -> None:
    held = Links.between(np.zeros(5, np.int64), np.arange(20, 25), np.full(5, 0.05), 0)
    offered = Links.between(np.arange(5), np.arange(50, 55), np.full(5, 0.1), 1)
    questions = asked(40, np.arange(20, 25))
    training = [LoggedQuestion(np.arange(10), np.array([50]))]
    assert not proven(offered, held, questions * 3 + training).any()


def test_creative_links_expire_when_nothing_proves_them() -> None:
    creative = Links.between(np.array([0, 1]), np.array([50, 60]), np.array([0.1, 0.1]), 1)
    plain = Links.between(np.array([2]), np.array([61]), np.array([0.1]), 0)
    links = creative.joined(plain)
    useful = still_useful(links, links.kinds == 1, asked(4, np.array([50])))
    assert useful.tolist() == [True, False, True]


def test_bad_settings_are_refused() -> None:
    dreamer, _ = engine()
    with pytest.raises(ConfigError):
        dreamer.generate_dream(0, 0, 1.0)
    with pytest.raises(ConfigError):
        dreamer.generate_dream(0, 5, 0.0)


def test_a_memory_without_neighbours_dreams_of_itself() -> None:
    rows = unit_bfloat16(np.eye(3, dtype=np.float32))
    graph = NeighbourIndex.of_rows(rows).graph(2)
    dream = DreamEngine(graph, rows).generate_dream(1, 4, 1.0)
    assert dream.path.tolist() == [1] * 5
    assert dream.novelty == 0.0
