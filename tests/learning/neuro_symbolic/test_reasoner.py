from __future__ import annotations

import numpy as np
import pytest

from engrain.learning.experience import OutcomeEvent, RetrievalEvent
from engrain.learning.neuro_symbolic import NeuroSymbolicReasoner


def test_a_memory_that_helped_before_is_reached_again() -> None:
    reasoner = NeuroSymbolicReasoner()
    reasoner.record(RetrievalEvent("q1", ("a", "b"), (0.9, 0.9), event_id="r1"))
    reasoner.record(OutcomeEvent(memory_outcomes={"a": 1.0, "b": 0.0}, retrieval_id="r1"))
    (first, second) = reasoner.explain("r1", "a", k=2)
    assert str(first) == "r1 <-helped- s:a"
    assert str(second) == "r1 -retrieved-> s:a"
    scores = reasoner.symbolic("r1", ["a", "c"])
    assert scores[0] == pytest.approx(1.0)
    assert scores[1] == 0.0
    fused = reasoner.score("r1", ["a", "c"], np.array([0.2, 0.2]))
    assert fused[0] > fused[1]


def test_an_even_outcome_states_nothing() -> None:
    assert NeuroSymbolicReasoner().record(OutcomeEvent(memory_outcomes={"a": 0.5})) == 0
