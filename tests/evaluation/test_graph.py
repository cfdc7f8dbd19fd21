from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engrain.evaluation.graph import Asked, ask, nearest, spread_scores, table, used_together
from engrain.evaluation.options import Options
from tests.evaluation.worlds import make_world


def test_what_answered_one_question_together_is_linked_both_ways() -> None:
    world = make_world()
    pair = replace(world.questions[0], relevant=frozenset({"0/0", "0/1"}))
    world = replace(world, questions=(pair, *world.questions[1:]))
    place = {document.id: i for i, document in enumerate(world.documents)}
    once, twice = (used_together(world, training, place) for training in ([0, 5], [0, 5, 0]))
    assert len(once) == 2
    assert once.weights(np.array([0, 1]), np.array([1, 0])).min() > 0
    assert twice.weights(np.array([0]), np.array([1])) > once.weights(np.array([0]), np.array([1]))


def test_the_nearest_are_those_of_largest_cosine() -> None:
    vectors = make_world().document_vectors
    assert vectors is not None
    ends, weights, _ = nearest(vectors).neighbours(3)
    cosines = np.delete(vectors @ vectors[3], 3)
    assert len(ends) == 10
    assert 3 not in ends
    assert weights.min() >= np.clip(np.sort(cosines)[-10], 0, 1) - 1e-3


def test_scores_arrive_where_edges_lead() -> None:
    world = make_world()
    pair = replace(world.questions[0], relevant=frozenset({"0/2", "0/20"}))
    place = {document.id: i for i, document in enumerate(world.documents)}
    edges = used_together(replace(world, questions=(pair,)), [0], place)
    places, scores = np.arange(24), -np.arange(24, dtype=np.float32)
    arrived = spread_scores(edges, places, scores, hops=1)
    assert arrived[20] > 0
    assert not np.delete(arrived, 20).any()


def test_the_best_factor_is_told_with_what_limits_it() -> None:
    scores = np.array([7, 6, 5, 4, 3, 2, 1], np.float32)
    hits = np.array([1, 0, 0, 0, 0, 1, 0], bool)
    arrived = np.array([0, 0, 0, 0, 0, 1, 0], np.float32)
    one = Asked(scores, hits, 2, {"g, 1 hop": arrived}, 1, {"g": 1}, {"g": 4})
    assert one.recall("g, 1 hop", 0.0) == 0.5
    assert one.recall("g, 1 hop", 2.0) == 1.0
    first, second = table([one] * 4)
    assert "recall@5 0.500, at best 1.000: +0.5000" in first
    assert "of 4 answers beyond the first five of 4 questions, edges lead to 4" in second
    assert list(table([])) == ["no question of this kind"]


def test_every_question_of_a_kind_is_asked_once() -> None:
    world = make_world()
    kinds = tuple(
        replace(question, category="1" if i % 3 else "2")
        for i, question in enumerate(world.questions)
    )
    options = Options(protocol="kfold", prior="fixed")
    asked = list(ask(replace(world, questions=kinds), options, "2"))
    assert len(asked) == 32
    assert {one.relevant for one in asked} == {1}
    assert set(asked[0].arrived) == {
        f"{graph}, {hops}" for graph in ("used together", "nearest") for hops in ("1 hop", "2 hops")
    }
    recall = np.mean([one.recall("nearest, 1 hop", 0.0) for one in asked])
    assert recall == pytest.approx(1 - np.mean([one.missed for one in asked]))
