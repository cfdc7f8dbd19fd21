from __future__ import annotations

import numpy as np

from engrain.evaluation.confidence_stream import pooled, run_stream
from tests.evaluation.worlds import TOPICS, WORDINGS, make_world


def test_a_stream_asks_every_question_once_and_confidence_follows_success() -> None:
    stream = run_stream(make_world(), seed=3)
    n = TOPICS * WORDINGS
    assert sorted(stream.question) == list(range(n))
    assert stream.answerable.all()
    assert stream.success.any()
    assert abs(stream.rate[-1] - stream.success.mean()) < 0.1
    late = slice(n // 2, None)
    brier = np.mean((stream.confidence[late] - stream.success[late]) ** 2)
    assert brier < np.mean((0.5 - stream.success[late]) ** 2)


def test_under_drift_other_documents_answer_half_way() -> None:
    stream = run_stream(make_world(), seed=3, drift=True)
    half = len(stream.question) // 2
    topic = stream.question // WORDINGS
    answered = {topic[i] for i in range(half) if stream.answerable[i]}
    assert not answered & {topic[i] for i in range(half, len(topic)) if stream.answerable[i]}


def test_pooled_streams_stand_one_after_the_other() -> None:
    first, second = (run_stream(make_world(), seed=seed) for seed in (0, 1))
    both = pooled([first, second])
    np.testing.assert_array_equal(both.scores, np.concatenate([first.scores, second.scores]))
    assert len(both.success) == 2 * len(first.success)
