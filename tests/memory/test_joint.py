"""One reward for all shown: parts against the definition in float64, and what they teach."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.clock import SimulatedClock
from engrain.memory import Memory
from engrain.memory.joint import (
    CROWDING,
    LEAST_PART,
    SHARPNESS,
    evidence_alone,
    shared_out,
)
from engrain.memory.prior import PRIORS

WORDS, ASKED = 12, 6


def expected(scores: np.ndarray, credited: np.ndarray, reward: float) -> np.ndarray:
    """Return the parts by the definition, in float64."""
    at = float(SHARPNESS) * (scores.astype(float) - float(CROWDING) * credited.astype(float))
    parts = np.exp(at - at.max())
    return np.asarray(reward * parts / parts.sum())


lists = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(-4, 4, width=32), min_size=n, max_size=n),
        st.lists(st.floats(0, 2, width=32), min_size=n, max_size=n),
    )
)


@given(lists, st.floats(0.0625, 1, width=32))
def test_parts_are_those_of_the_definition(
    drawn: tuple[list[float], list[float]], reward: float
) -> None:
    scores, credited = (np.array(column, np.float32) for column in drawn)
    told = np.full(len(scores), reward, np.float32)
    parts, wanted = shared_out(scores, credited, told), expected(scores, credited, reward)
    silent = np.isnan(parts)
    assert (wanted[silent] < (float(LEAST_PART) + 1e-5) * reward).all()
    np.testing.assert_allclose(parts[~silent], wanted[~silent], atol=2e-6)
    assert (wanted[~silent] > (float(LEAST_PART) - 1e-5) * reward).all()


def test_what_was_not_spoken_of_gets_no_part_and_none_is_shared_of_nothing() -> None:
    scores, credited = np.zeros(4, np.float32), np.zeros(4, np.float32)
    told = np.array([1, np.nan, 1, 0], np.float32)
    assert shared_out(scores, credited, told).tolist()[2:] == [0.5, 0.0]
    assert np.isnan(shared_out(scores, credited, told)[1])
    nothing = np.zeros(4, np.float32)
    assert shared_out(scores, credited, nothing).tolist() == [0.0] * 4


def test_of_two_that_fit_alike_the_one_that_was_credited_less_gets_more() -> None:
    scores, credited = np.zeros(2, np.float32), np.log1p(np.array([4.0, 1.0], np.float32))
    often, seldom = shared_out(scores, credited, np.ones(2, np.float32))
    assert np.isnan(often)
    assert seldom == pytest.approx(2.5**6 / (1 + 2.5**6), rel=1e-5)


def test_rows_of_evidence_alone_say_nothing_else() -> None:
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    alone = evidence_alone(rows, np.array([False, True, False]))
    assert alone.dtype == np.float32
    assert alone[:, [0, 2]].tolist() == [[0, 0], [0, 0]]
    np.testing.assert_array_equal(alone[:, 1], SHARPNESS * rows[:, 1])


def recurring(memory: Memory, rng: np.random.Generator, rounds: int) -> None:
    """Ask for each of some memories in words of its own and words that lead astray."""
    for place in range(WORDS):
        memory.remember(f"thing{place} common", id=place)
    for _ in range(rounds):
        for right in rng.permutation(ASKED).tolist():
            wrong = int(rng.integers(ASKED, WORDS))
            text = f"please{right} kindly{right} thing{right} thing{wrong}"
            recall = memory.recall(text, 4)
            found = any(hit.id == right for hit in recall.hits)
            memory.feedback(recall, outcome=float(found))


@pytest.mark.parametrize("prior", [p for p in PRIORS if p != "auto"])
def test_what_companions_share_is_credited_to_the_cause(tmp_path: Path, prior: str) -> None:
    with Memory(tmp_path / "m.db", clock=SimulatedClock(1e9), prior=prior) as memory:
        recurring(memory, np.random.default_rng(1), 12)
        mass = [memory.get(place)["rewarded"] for place in range(WORDS)]
        learner = memory._state.learner
        weights = dict(zip(learner.names, learner.model.weights.tolist(), strict=True))
        asked = [f"please{i} kindly{i} thing{i} thing{WORDS - 1}" for i in range(ASKED)]
        first = [memory.recall(text, 4).hits[0].id for text in asked]
    assert min(mass[:ASKED]) > max(mass[ASKED:])
    assert max(weights["e:share"], weights["e:near"], weights["e:expand"]) > 0
    assert first == list(range(ASKED))
    static = [n for n in learner.names if n.startswith(("s:", "x:"))]
    assert [weights[n] for n in static] == [
        learner.model.base.tolist()[learner.names.index(n)] for n in static
    ]
