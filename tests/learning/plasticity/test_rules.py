from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.clock import SimulatedClock
from engrain.base.errors import SnapshotError
from engrain.learning.persistence import load_checkpoint, save_checkpoint
from engrain.learning.plasticity import (
    HomeostaticScaler,
    LTDEngine,
    MetaplasticityController,
    SynapticTagger,
)


def test_silent_competitors_are_depressed_and_the_floor_holds() -> None:
    weights = np.array([0.5, 0.5, 0.0101, 0.005])
    changed = LTDEngine(rate=0.1).depress(weights, np.array([True, False, False, False]))
    np.testing.assert_allclose(weights, [0.5, 0.45, 0.01, 0.005])
    assert changed == 2


@given(
    weights=st.lists(st.floats(1e-3, 10), min_size=1, max_size=20),
    activity=st.floats(0, 5),
    ceiling=st.floats(0.5, 20),
)
def test_scaling_keeps_ratios_and_never_passes_the_ceiling(
    weights: list[float], activity: float, ceiling: float
) -> None:
    before = np.array(weights)
    for method in ("scale", "scale_to_sum"):
        after = before.copy()
        scaler = HomeostaticScaler(target=2.0, learning_rate=0.5, ceiling=ceiling)
        result = scaler.scale(after, activity) if method == "scale" else scaler.scale_to_sum(after)
        np.testing.assert_allclose(after, before * result.factor, rtol=1e-12)
        assert after.max() <= max(ceiling, before.max()) * (1 + 1e-12)
        if method == "scale_to_sum" and result.reached:
            assert after.sum() == pytest.approx(2.0)


def test_scaling_reaches_its_target_activity() -> None:
    weights = np.array([0.1, 0.2, 0.3])
    scaler = HomeostaticScaler(target=1.2, learning_rate=0.2)
    for _ in range(200):
        scaler.scale(weights, float(weights.sum()))
    np.testing.assert_allclose(weights, [0.2, 0.4, 0.6], rtol=1e-6)


def test_an_infeasible_target_is_reported() -> None:
    weights = np.array([0.1, 0.2, 0.3])
    result = HomeostaticScaler(target=10.0, ceiling=1.0).scale_to_sum(weights)
    assert not result.reached
    np.testing.assert_allclose(weights / weights[0], [1, 2, 3], rtol=1e-12)
    assert weights.max() == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(5))
def test_bcm_selects_one_of_two_patterns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    patterns = np.array([[1.0, 0.2], [0.2, 1.0]])
    weights = rng.uniform(0.4, 0.6, 2)
    rule = MetaplasticityController(learning_rate=0.01, tau=50)
    for pick in rng.integers(0, 2, 20_000):
        rule.update(weights, patterns[pick])
    answers = np.sort(patterns @ weights)
    assert abs(answers[0]) < 0.1
    assert answers[1] == pytest.approx(2.0, abs=0.3)
    other = MetaplasticityController()
    other.load(rule.state())
    assert other.threshold == rule.threshold


def test_a_weak_change_lasts_only_near_a_strong_one() -> None:
    clock = SimulatedClock()
    tagger = SynapticTagger(clock=clock)
    assert tagger.tag("too weak", 0.1) is None
    tagger.tag("early", 0.4)
    clock.advance(7000)
    tagger.tag("strong", 0.9)
    clock.advance(7000)
    tagger.tag("after", 0.4)
    assert set(tagger.captured()) == {"early", "strong", "after"}
    clock.advance(8000)
    tagger.tag("alone", 0.4)
    clock.advance(7201)
    assert tagger.get("alone") is None
    assert tagger.get("early") is not None


def test_the_cap_on_tags_holds() -> None:
    clock = SimulatedClock()
    tagger = SynapticTagger(max_tags=5, clock=clock)
    for i in range(50):
        tagger.tag(i, 0.4)
    assert len(tagger) == 5
    assert tagger.get(49) is not None


def test_bad_input_is_refused_before_anything_changes() -> None:
    weights = np.array([1.0, np.nan])
    with pytest.raises(ValueError, match="NaN"):
        LTDEngine().depress(weights, np.array([False, False]))
    with pytest.raises(ValueError, match="NaN"):
        HomeostaticScaler().scale_to_sum(weights)
    with pytest.raises(ValueError, match="NaN"):
        MetaplasticityController().update(weights, np.ones(2))
    with pytest.raises(ValueError, match="strength"):
        SynapticTagger().tag("a", np.inf)
    with pytest.raises(ValueError, match="active"):
        LTDEngine().depress(weights, np.array([True]))
    for bad in (lambda: LTDEngine(rate=2.0), lambda: HomeostaticScaler(target=0.0)):
        with pytest.raises(ValueError, match="rate"):
            bad()
    with pytest.raises(ValueError, match="tau"):
        MetaplasticityController(tau=0.5)
    with pytest.raises(ValueError, match="early"):
        SynapticTagger(early=0.9, late=0.1)


def test_saved_tags_wait_and_are_captured_as_before(tmp_path: Path) -> None:
    clock = SimulatedClock(1e9)
    first, second = SynapticTagger(clock=clock), SynapticTagger(clock=clock)
    rng = np.random.default_rng(0)
    for i in range(100):
        if i == 50:
            save_checkpoint(tmp_path / "t", {"tagger": first})
            load_checkpoint(tmp_path / "t", {"tagger": second})
        id, strength = int(rng.integers(20)), float(rng.random() * 0.72)
        tag = first.tag(id, strength)
        if i >= 50:
            assert second.tag(id, strength) == tag
            assert second.captured() == first.captured()
        clock.advance(300.0)
    with pytest.raises(SnapshotError, match="tagger"):
        SynapticTagger(max_tags=1).load(first.state())
    empty = SynapticTagger(clock=clock)
    empty.load(SynapticTagger(clock=clock).state())
    assert len(empty) == 0
