from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.evaluation.metrics import judge_ranking
from engrain.evaluation.results import ablate, study
from engrain.evaluation.subject import Stopwatch
from tests.evaluation.worlds import make_world, open_subject


def test_the_study_agrees_with_what_recall_returns(tmp_path: Path) -> None:
    dataset = make_world()
    with open_subject(dataset, tmp_path) as subject:
        for index in range(0, 60, 3):
            subject.judge(index)
        subject.memory.refit()
        for index in range(1, 60, 7):
            relevant = dataset.questions[index].relevant
            columns = range(len(subject.study(index).names))
            found = study(
                index, None, relevant, subject.study(index), overlap=True, columns=columns
            )
            recall = subject.glance(index)
            assert found.learned == judge_ranking([hit.id for hit in recall.hits], relevant)


def test_leaving_a_mechanism_out_is_recomputed_by_hand(tmp_path: Path) -> None:
    dataset = make_world()
    with open_subject(dataset, tmp_path) as subject:
        for index in range(0, 96, 2):
            subject.judge(index)
        subject.memory.refit()
        candidates = subject.study(3)
    relevant = dataset.questions[3].relevant
    hits = np.array([id in relevant for id in candidates.ids])
    without = ablate(hits, 1, candidates, range(len(candidates.names)))
    for column in range(len(candidates.names)):
        weights = candidates.weights.copy()
        weights[column] = 0
        order = np.argsort(-(candidates.rows @ weights), kind="stable")
        expected = judge_ranking([candidates.ids[place] for place in order], relevant).ndcg10
        assert without[column] == pytest.approx(expected)


def test_a_study_changes_nothing(tmp_path: Path) -> None:
    dataset = make_world()
    with open_subject(dataset, tmp_path) as subject:
        subject.answer(subject.ask(0), {"0/0": 1.0} if subject.ask(0) else {})
        before = subject.memory.state_hash
        subject.study(5)
        subject.glance(6)
        assert subject.memory.state_hash == before


def test_the_stopwatch_gives_percentiles_in_microseconds() -> None:
    watch = Stopwatch()
    assert watch.percentile("nothing", 50) == 0
    assert watch.time("call", sum, [1, 2]) == 3
    assert 0 < watch.percentile("call", 50) < 1e6
