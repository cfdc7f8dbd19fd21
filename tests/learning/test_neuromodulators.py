from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engrain.base.arrays import F32Array
from engrain.base.clock import SimulatedClock
from engrain.base.ids import Id
from engrain.learning.acetylcholine import CognitiveMode
from engrain.learning.neuromodulators import (
    NeuromodulatorOrchestra,
    create_neuromodulator_orchestra,
)
from engrain.learning.persistence import load_checkpoint, save_checkpoint
from engrain.learning.three_factor import ThreeFactorLearningRule
from tests.strategies import normal


def played() -> NeuromodulatorOrchestra:
    orchestra = create_neuromodulator_orchestra()
    orchestra.process_query(normal(0, 16))
    orchestra.process_retrieval(["good", "bad"], [0.9, 0.8])
    return orchestra


def test_errors_stay_readable_per_memory_after_the_outcome() -> None:
    orchestra = played()
    orchestra.process_outcome({"good": 0.9, "bad": 0.2})
    orchestra.process_outcome({"other": 0.6})
    assert orchestra.get_signed_rpe("good") == pytest.approx(0.4)
    assert orchestra.get_signed_rpe("bad") == pytest.approx(-0.3)
    assert orchestra.get_signed_rpe("never") == 0.0


def test_mood_is_an_inverted_u() -> None:
    factors = []
    for mood in (0.0, 0.25, 0.5, 0.75, 1.0):
        orchestra = create_neuromodulator_orchestra(serotonin_baseline_mood=mood)
        factors.append(orchestra.process_query(normal(0, 4)).factor)
    np.testing.assert_allclose(factors, [0.5, 0.75, 1.0, 0.75, 0.5], rtol=0, atol=1e-12)
    patient = create_neuromodulator_orchestra(mood_gate="discount", serotonin_baseline_mood=0.9)
    assert patient.process_query(normal(0, 4)).factor == 1.0
    assert patient.serotonin.discount == pytest.approx(0.99)


def test_encoding_and_retrieval_both_raise_learning() -> None:
    boosts = {}
    for mode in CognitiveMode:
        orchestra = create_neuromodulator_orchestra()
        state = orchestra.process_query(normal(0, 4), {"mode": str(mode)})
        boosts[state.mode] = state.boost
    assert boosts == {"encoding": 2.0, "retrieval": 1.2, "balanced": 1.0}


@pytest.mark.parametrize(
    ("context", "mode"),
    [
        ({}, "balanced"),
        ({"is_question": True}, "retrieval"),
        ({"importance": 1.0}, "encoding"),
        ({"mode": "encoding", "is_question": True}, "encoding"),
        ({"anything": "else"}, "balanced"),
    ],
)
def test_documented_keys_of_the_context_set_the_mode(context: dict[str, object], mode: str) -> None:
    orchestra = create_neuromodulator_orchestra()
    assert orchestra.process_query(normal(0, 4), context).mode == mode


def test_long_term_value_is_kept_apart_from_eligibility() -> None:
    orchestra = played()
    orchestra.process_outcome(session_outcome=1.0)
    value, trace = (
        orchestra.serotonin.get_long_term_value("good"),
        orchestra.eligibility.get_trace("good"),
    )
    assert value > 0
    orchestra.step(600.0)
    assert orchestra.serotonin.get_long_term_value("good") == value
    assert orchestra.eligibility.get_trace("good") < 1e-6 < trace


def test_a_session_outcome_alone_moves_mood_and_credits_long_traces() -> None:
    orchestra = played()
    orchestra.start_session("today")
    orchestra.step(3600.0)
    assert orchestra.process_outcome(session_outcome=0.9) == {}
    assert orchestra.serotonin.get_current_mood() == pytest.approx(0.54)
    assert orchestra.serotonin.get_long_term_value("good") > 0.01
    assert orchestra.serotonin.get_long_term_value("never") == 0.0
    orchestra.end_session(0.0)
    assert orchestra.serotonin.get_current_mood() == pytest.approx(0.486)
    assert orchestra.session is None


def test_disappointment_has_a_negative_sign() -> None:
    orchestra = played()
    for _ in range(30):
        orchestra.process_outcome({"good": 0.9})
    signal = orchestra.process_outcome({"good": 0.4})["good"]
    assert orchestra.get_signed_rpe("good") < -0.4
    assert signal < 0
    assert orchestra.get_learning_params("good").combined_learning_signal < 0
    assert ThreeFactorLearningRule(orchestra).compute("good").effective_lr < 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5, 1.5])
def test_numbers_that_are_none_are_refused(bad: float) -> None:
    orchestra = played()
    before = orchestra.state()
    with pytest.raises(ValueError, match="outcome"):
        orchestra.process_outcome({"good": bad})
    with pytest.raises(ValueError, match="outcome"):
        orchestra.process_outcome(session_outcome=bad)
    with pytest.raises(ValueError, match="outcome"):
        ThreeFactorLearningRule(orchestra).compute("good", 1.0, bad)
    with pytest.raises(ValueError, match="importance"):
        orchestra.process_query(normal(0, 16), explicit_importance=bad)
    with pytest.raises(ValueError, match="scores"):
        orchestra.process_retrieval(["good"], [np.nan])
    with pytest.raises(ValueError, match="query_embedding"):
        orchestra.process_query(np.full(16, np.nan))
    assert repr(orchestra.state()) == repr(before)


def test_every_cap_holds() -> None:
    orchestra = NeuromodulatorOrchestra(max_memories=200, max_traces=50)
    rule = ThreeFactorLearningRule(orchestra, max_history=100)
    for i in range(1000):
        orchestra.process_query(normal(i, 8))
        orchestra.process_retrieval([f"m{i}", f"n{i}"], [0.9, 0.5])
        orchestra.process_outcome({f"m{i}": 1.0}, session_outcome=1.0)
        rule.compute(f"m{i}")
    assert len(orchestra.handles) == 200
    assert len(orchestra.eligibility) <= 50
    assert len(rule.history) == 100
    assert orchestra.get_signed_rpe("m999") == pytest.approx(0.5)
    assert orchestra.eligibility.get_trace("m999") > 0
    assert orchestra.get_signed_rpe("m0") == 0.0


def test_values_of_the_modulators_are_those_of_the_formulas() -> None:
    orchestra = create_neuromodulator_orchestra()
    first, same = np.eye(4, dtype=np.float32)[:2]
    novelty, phasic, level, mood = 0.0, 0.0, 0.5, 0.5
    queries: list[tuple[F32Array, dict[str, Any], float]] = [
        (first, {}, 1.0),
        (first, {"is_question": True}, 0.0),
        (same, {"importance": 1.0}, 1.0),
    ]
    for vector, context, novelty in queries:
        state = orchestra.process_query(vector, context)
        phasic = max(novelty, 0.7 * phasic)
        gain = min(max(0.5 + 1.5 * novelty * phasic, 0.5), 2.0)
        demand = 0.4 * (context.get("importance", 0.0) - bool(context.get("is_question")))
        level += 0.5 * (min(max(0.5 + demand, 0.1), 0.9) - level)
        assert state.novelty == pytest.approx(novelty, abs=1e-12)
        assert state.gain == pytest.approx(gain, abs=1e-12)
        assert orchestra.norepinephrine.state.phasic == pytest.approx(phasic, abs=1e-12)
        assert orchestra.acetylcholine.level == pytest.approx(level, abs=1e-12)
        assert state.factor == pytest.approx(1 - abs(mood - 0.5), abs=1e-12)
        assert state.gate == pytest.approx(state.boost * gain * state.factor, abs=1e-12)
        orchestra.process_outcome(session_outcome=1.0)
        mood += 0.1 * (1.0 - mood)
        assert orchestra.serotonin.get_current_mood() == pytest.approx(mood, abs=1e-12)
        assert orchestra.serotonin.compute_patience_factor(3) == pytest.approx(
            (0.9 + 0.1 * mood) ** 3, abs=1e-12
        )


def test_signals_are_the_product_and_zero_where_a_factor_is() -> None:
    orchestra = played()
    gate, traces = orchestra.gate, orchestra.eligibility.get_traces(["good", "bad"])
    signals = orchestra.process_outcome({"good": 1.0, "bad": 0.0, "unseen": 1.0, "even": 0.5})
    assert signals["good"] == pytest.approx(gate * traces[0] * 0.5, rel=1e-6)
    assert signals["bad"] == pytest.approx(gate * traces[1] * -0.5, rel=1e-6)
    assert signals["unseen"] == signals["even"] == 0.0
    assert orchestra.process_outcome() == {}


def test_an_hour_of_requests_replays_bit_for_bit(tmp_path: Path) -> None:
    clock = SimulatedClock(1e9)
    first = NeuromodulatorOrchestra(clock=clock, max_memories=64, max_traces=32)
    second = NeuromodulatorOrchestra(clock=clock, max_memories=64, max_traces=32)
    rng = np.random.default_rng(0)
    for i in range(300):
        if i == 150:
            save_checkpoint(tmp_path / "o", {"orchestra": first})
            load_checkpoint(tmp_path / "o", {"orchestra": second})
        ids: list[Id] = [int(n) for n in rng.choice(100, 5, replace=False)]
        scores, outcome = np.sort(rng.random(5))[::-1].tolist(), float(rng.random())
        signals = []
        for orchestra in (first, second)[: 1 if i < 150 else 2]:
            orchestra.process_query(normal(i, 8), {"is_question": i % 3 == 0})
            left = orchestra.process_retrieval(ids, scores, normal(i, 5, 8))
            signals.append((left, orchestra.process_outcome({ids[0]: outcome})))
        assert signals[0] == signals[-1]
        clock.advance(12.0)


def resident() -> int:
    """Return the memory in use by this process in KB."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmRSS:")[1].split()[0])


@pytest.mark.parametrize("requests", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_memory_stays_flat_over_many_requests(requests: int) -> None:
    orchestra = NeuromodulatorOrchestra(max_memories=1000, max_traces=500)
    rule = ThreeFactorLearningRule(orchestra, max_history=1000)
    query = normal(0, 16)

    def serve(count: int, start: int) -> None:
        for i in range(start, start + count):
            orchestra.process_query(query)
            orchestra.process_retrieval([i, i + 1], [0.9, 0.5])
            orchestra.process_outcome({i: 0.7})
            rule.compute(i)

    serve(5_000, 0)
    gc.collect()
    before = resident()
    serve(requests, 5_000)
    gc.collect()
    grown = resident() - before
    print(f"{requests} requests: {grown} KB more")
    assert grown < 2_000


def test_settings_and_a_configuration_exclude_each_other() -> None:
    orchestra = create_neuromodulator_orchestra(default_expected=0.25)
    assert orchestra.dopamine.default_expected == 0.25
    with pytest.raises(ValueError, match="not both"):
        create_neuromodulator_orchestra(orchestra.config, decay=0.95)
    with pytest.raises(ValueError, match="mode"):
        orchestra.process_query(normal(0, 4), {"mode": "asleep"})
    orchestra.process_retrieval(["m"], {"m": 0.5})
    orchestra.reset()
    assert orchestra.eligibility.get_trace("m") == 0.0
    assert orchestra.modulation.dim is None
