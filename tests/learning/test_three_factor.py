from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.learning.dopamine import DopamineSystem
from engrain.learning.eligibility import EligibilityTrace
from engrain.learning.neuromodulators import NeuromodulatorOrchestra
from engrain.learning.reconsolidation import ReconsolidationEngine
from engrain.learning.three_factor import ThreeFactorLearningRule
from tests.strategies import normal


def test_the_multiplier_varies_continuously_and_is_zero_with_any_factor() -> None:
    rng = np.random.default_rng(0)
    orchestra = NeuromodulatorOrchestra()
    rule = ThreeFactorLearningRule(orchestra)
    orchestra.process_query(normal(0, 8))
    values = set()
    for i in range(1000):
        rule.mark_active(i, float(rng.random()))
        values.add(rule.compute(i, 0.01, float(rng.random())).multiplier)
    assert len(values) >= 100
    rule.mark_active("m")
    assert rule.compute("m", 0.01, 0.5).effective_lr == 0.0
    assert rule.compute("never active", 0.01, 1.0).effective_lr == 0.0
    assert rule.compute("m", 0.01, 0.501).effective_lr < 0.01 * rule.compute("m", 1.0, 1.0).rpe


@given(activity=st.floats(0.001, 1), outcome=st.floats(0, 1), factor=st.floats(0.1, 5))
def test_the_product_is_linear_in_each_factor(
    activity: float, outcome: float, factor: float
) -> None:
    rule = ThreeFactorLearningRule()
    rule.mark_active("m", activity)
    signal = rule.compute("m", 0.5, outcome)
    assert signal.multiplier == pytest.approx(
        signal.eligibility * signal.gate * (outcome - 0.5), rel=1e-6
    )
    assert rule.compute("m", 0.5 * factor, outcome).effective_lr == pytest.approx(
        factor * signal.effective_lr
    )
    assert np.sign(signal.effective_lr) == np.sign(outcome - 0.5)
    assert signal.surprise == abs(signal.rpe)


def test_opposite_outcomes_have_opposite_signs() -> None:
    rule = ThreeFactorLearningRule()
    rule.mark_active("m")
    good, bad = rule.compute("m", 1.0, 0.9), rule.compute("m", 1.0, 0.1)
    assert good.effective_lr == pytest.approx(-bad.effective_lr) != 0.0


def test_orchestra_and_rule_share_one_value_table() -> None:
    orchestra = NeuromodulatorOrchestra()
    rule = ThreeFactorLearningRule(orchestra)
    assert rule.dopamine is orchestra.dopamine
    assert rule.eligibility is orchestra.eligibility
    for _ in range(100):
        orchestra.process_outcome({"m": 0.9})
    assert rule.dopamine.get_expected("m") == pytest.approx(0.9, rel=0.01)
    assert rule.compute("m", 1.0, 0.9).rpe == pytest.approx(0.0, abs=0.01)


def test_newness_is_reported_and_no_factor() -> None:
    rule = ThreeFactorLearningRule()
    rule.mark_active("m")
    first = rule.compute("m", 1.0, 0.9)
    for _ in range(8):
        rule.dopamine.update_expectations("m", 0.5)
    later = rule.compute("m", 1.0, 0.9)
    assert first.prior_rate == 1.0
    assert later.prior_rate == pytest.approx(0.2)
    assert first.multiplier == pytest.approx(later.multiplier)


def test_parts_can_be_given_and_batches_are_refused_whole() -> None:
    rule = ThreeFactorLearningRule(
        eligibility_trace=EligibilityTrace(tau=1.0), dopamine_system=DopamineSystem(0.0)
    )
    rule.mark_active("m")
    rule.step(1.0)
    signal = rule.compute("m", 1.0, 1.0)
    assert signal.eligibility == pytest.approx(np.exp(-1.0), rel=1e-6)
    assert signal.rpe == 1.0
    assert rule.compute_effective_lr("m", 1.0, 1.0) == signal.effective_lr
    assert rule.batch_compute({"m": 1.0, "n": 0.5})["m"] == signal
    before = len(rule.history)
    with pytest.raises(ValueError, match="outcome"):
        rule.batch_compute({"m": 1.0, "n": 2.0})
    with pytest.raises(ValueError, match="base_lr"):
        rule.compute("m", np.nan)
    with pytest.raises(ValueError, match="max_history"):
        ThreeFactorLearningRule(max_history=0)
    assert len(rule.history) == before


def test_the_rule_steers_reconsolidation() -> None:
    orchestra = NeuromodulatorOrchestra()
    memory, query = normal(0, 8), normal(1, 8)
    engine = ReconsolidationEngine(
        base_lr=0.1, three_factor_rule=ThreeFactorLearningRule(orchestra), store={"m": memory}
    )
    assert engine.update_embedding("m", query, 0.9) is None
    orchestra.process_query(query)
    orchestra.process_retrieval(["m"], [1.0])
    assert engine.update_embedding("m", query, 0.9) is not None
    rate = engine.history[-1].rate
    assert rate == pytest.approx(0.1 * orchestra.gate * 0.4, rel=1e-5)
    for _ in range(100):
        orchestra.process_outcome({"m": 0.9})
    assert engine.update_embedding("m", query, 0.4) is not None
    assert engine.history[-1].rate < 0
