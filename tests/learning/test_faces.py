"""Each neuromodulator alone, without the orchestra."""

from __future__ import annotations

import numpy as np
import pytest

from engrain.learning.acetylcholine import AcetylcholineSystem, CognitiveMode
from engrain.learning.norepinephrine import NorepinephrineSystem
from engrain.learning.serotonin import SerotoninSystem
from tests.strategies import normal


def test_novelty_wakes_and_repetition_calms() -> None:
    arousal = NorepinephrineSystem()
    vector = normal(0, 16)
    gains = [arousal.update(vector).gain for _ in range(5)]
    assert gains[0] == 2.0
    assert gains[1:] == pytest.approx([0.5] * 4, abs=1e-5)
    assert arousal.update(-vector).gain == 2.0
    assert all(0.5 <= arousal.update(normal(i, 16)).gain <= 2.0 for i in range(50))
    assert arousal.gain == arousal.state.gain
    with pytest.raises(ValueError, match="query_embedding"):
        arousal.update([1.0])


def test_modes_are_entered_and_left_at_different_levels() -> None:
    acetylcholine = AcetylcholineSystem()
    assert acetylcholine.mode == CognitiveMode.BALANCED
    assert acetylcholine.update(1.0, 0.0) == CognitiveMode.ENCODING
    assert acetylcholine.boost == 2.0
    assert acetylcholine.update(0.4, 0.0) == CognitiveMode.ENCODING
    assert acetylcholine.level < 0.7
    assert acetylcholine.update(0.0, 0.3) == CognitiveMode.BALANCED
    while acetylcholine.update(0.0, 1.0) != CognitiveMode.RETRIEVAL:
        assert acetylcholine.level > 0.3
    assert acetylcholine.boost == 1.2
    for bad in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="demand"):
            acetylcholine.update(bad, 0.0)


def test_each_knob_moves_only_its_quantity() -> None:
    """Doya (2002): serotonin sets the discount, and leaves learning's gate alone."""
    calm, happy = (SerotoninSystem(m, mood_gate="discount") for m in (0.1, 0.9))
    assert happy.compute_patience_factor(10) > calm.compute_patience_factor(10)
    assert happy.factor == calm.factor == 1.0
    happy.receive_outcome(0.0)
    assert happy.get_current_mood() == pytest.approx(0.81)
    assert happy.discount == pytest.approx(0.981)


def test_long_traces_credit_what_was_active_hours_ago() -> None:
    serotonin = SerotoninSystem(max_sessions=2)
    serotonin.add_eligibility("early")
    serotonin.step(4 * 3600.0)
    serotonin.add_eligibility("late")
    credited = serotonin.receive_outcome(1.0, session="s")
    assert 0 < credited["early"] < credited["late"] == pytest.approx(0.05)
    assert serotonin.get_long_term_value("early") == pytest.approx(credited["early"])
    serotonin.receive_outcome(0.0, session="s")
    assert serotonin.get_long_term_value("late") < 0.0 or credited["late"] > 0.0
    record = serotonin.end_session("s")
    assert (record.outcomes, record.total, record.mood) == (2, 1.0, 0.55)
    for name in ("a", "b", "c"):
        serotonin.context(name)
    assert len(serotonin._sessions) == 2


def test_state_of_serotonin_moves() -> None:
    first, second = SerotoninSystem(), SerotoninSystem()
    first.add_eligibility("m")
    first.receive_outcome(1.0)
    second.load(first.state())
    assert second.get_long_term_value("m") == first.get_long_term_value("m") != 0.0
    for bad in (np.nan, 2.0):
        with pytest.raises(ValueError, match="outcome"):
            first.receive_outcome(bad)
    with pytest.raises(ValueError, match="steps"):
        first.compute_patience_factor(-1)
    with pytest.raises(ValueError, match="learning_rate"):
        SerotoninSystem(learning_rate=0.0)
