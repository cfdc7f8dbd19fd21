from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from engrain.evaluation.subject import Subject
from engrain.memory import Memory
from engrain.memory.codec import Arrays
from engrain.memory.refit import RefitReport, Refitting
from engrain.storage import Receipt
from tests.evaluation.worlds import TOPICS, WORDINGS, make_world, open_subject


def places(subject: Subject, wording: int) -> list[int]:
    """Return the place of the right memory for one wording of every topic, from 0."""
    found = []
    for topic in range(TOPICS):
        index = topic * WORDINGS + wording
        candidates = subject.study(index)
        order = np.argsort(-candidates.scores, kind="stable")
        (relevant,) = subject.dataset.questions[index].relevant
        found.append([candidates.ids[place] for place in order].index(relevant))
    return found


def test_praise_does_not_sink_memories_when_no_lesson_recurs(tmp_path: Path) -> None:
    with open_subject(make_world(), tmp_path) as subject:
        before = np.mean(places(subject, 0))
        for topic in range(TOPICS):
            subject.judge(topic * WORDINGS)
        subject.memory.refit()
        assert np.mean(places(subject, 0)) <= before
        candidates = subject.study(0)
        corrections = [candidates.names.index(name) for name in ("e:count", "e:agree")]
        assert not candidates.weights[corrections].any()


def test_corrections_are_learned_where_lessons_recur_and_survive_a_restart(
    tmp_path: Path,
) -> None:
    with open_subject(make_world(), tmp_path) as subject:
        for index in range(TOPICS * WORDINGS):
            subject.judge(index)
        subject.memory.refit()
        weights, digest = subject.study(0).weights, subject.memory.state_hash
    with Memory(tmp_path / "memory.db") as memory:
        assert memory.state_hash == digest
        again = memory.candidates("x", vector=make_world().question_vectors[0])  # type: ignore[index]
        np.testing.assert_array_equal(again.weights, weights)


def test_of_what_recalls_taught_only_the_last_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other outcomes long ago change nothing: rows of that time knew less."""
    weights = []
    for reverse in (False, True):
        monkeypatch.setattr("engrain.memory.refit.MOST_CLICKED", 20)
        (tmp_path / str(reverse)).mkdir()
        with open_subject(make_world(), tmp_path / str(reverse)) as subject:
            asked = [subject.ask(index) for index in range(30)]
            for number, recall in enumerate(asked):
                ids = [hit.id for hit in recall.hits]
                praised = ids[-1] if reverse and number < 10 else ids[0]
                subject.answer(recall, {id: float(id == praised) for id in ids})
            report = subject.memory.refit()
            assert report.clicked == 20
            weights.append(report.weights)
    assert weights[0] == weights[1]


@pytest.mark.parametrize(("looks_at", "bias"), [(slice(0, 1), True), (slice(-1, None), False)])
def test_clicks_on_the_first_alone_are_put_down_to_its_place(
    looks_at: slice, bias: bool, tmp_path: Path
) -> None:
    with open_subject(make_world(), tmp_path) as subject:
        for index in range(30):
            recall = subject.ask(index)
            ids = [hit.id for hit in recall.hits]
            subject.answer(recall, {id: float(id in ids[looks_at]) for id in ids})
        assert (subject.memory.refit().place_bias > 0) == bias


def test_requests_go_on_while_a_refit_works(tmp_path: Path) -> None:
    with open_subject(make_world(), tmp_path) as subject:
        for index in range(TOPICS * WORDINGS):
            subject.judge(index)
        thread = threading.Thread(target=subject.memory.refit)
        thread.start()
        asked = 0
        while thread.is_alive():
            subject.study(0)
            asked += 1
        assert asked > 3


def test_what_is_rolled_back_meanwhile_is_not_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_subject(make_world(), tmp_path) as subject:
        for index in range(TOPICS):
            subject.judge(index)
        seq = subject.memory.flush().seq
        for index in range(TOPICS, 2 * TOPICS):
            subject.judge(index)
        fit, done = Refitting.fit, list[Receipt]()

        def interrupted(work: Refitting) -> tuple[Arrays | None, RefitReport]:
            if not done:
                done.append(subject.memory.rollback(seq))
            return fit(work)

        monkeypatch.setattr(Refitting, "fit", interrupted)
        assert subject.memory.refit().judged == TOPICS
