from __future__ import annotations

import numpy as np
import pytest

from engrain.loops.replay import Found, LoggedQuestion, linked_rows, reciprocal_rank, replay


def question(ranked: list[int], relevant: list[int]) -> LoggedQuestion:
    return LoggedQuestion(np.array(ranked, np.int64), np.array(relevant, np.int64))


def test_figures_follow_the_ten_shown() -> None:
    found = replay([question(list(range(20)), [1]), question(list(range(20)), [15, 0])])
    assert found.questions == 2
    assert found.mrr == pytest.approx((1 / 2 + 1) / 2)
    assert found.recall == pytest.approx((1 + 1 / 2) / 2)
    ideal = 1 + 1 / np.log2(3)
    assert found.ndcg == pytest.approx((1 / np.log2(3) + 1 / ideal) / 2)


def test_linked_neighbours_stand_behind_the_shown() -> None:
    one = question(list(range(20)), [30])
    assert reciprocal_rank(one, {}, {}) == 0.0
    assert reciprocal_rank(one, {3: [(30, 0.1)]}, {}) == pytest.approx(1 / 11)
    assert reciprocal_rank(one, {3: [(30, 0.1)], 4: [(31, 0.2)]}, {}) == pytest.approx(1 / 12)


def test_five_linked_neighbours_are_shown_strongest_first() -> None:
    links = {0: [(20 + i, 0.1 * i) for i in range(1, 8)] + [(1, 0.9)]}
    assert linked_rows([0, 1], links, {}) == [27, 26, 25, 24, 23]
    assert linked_rows([0, 1], links, {27: 0}) == [26, 25, 24, 23, 22]


def test_a_merged_answer_is_answered_by_the_one_that_holds_it() -> None:
    one = question([5, 4, 3, 2, 1], [3])
    assert replay([one], None, {3: 4}).mrr == pytest.approx(1 / 2)
    assert replay([one], None, {4: 1}).mrr == pytest.approx(1 / 2)


def test_nothing_asked_is_nothing_found() -> None:
    assert replay([]) == Found(0, 0.0, 0.0, 0.0)
