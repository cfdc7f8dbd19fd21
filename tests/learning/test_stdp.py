from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.clock import SimulatedClock
from engrain.base.errors import SnapshotError
from engrain.base.ids import Id
from engrain.kernels import StdpRule
from engrain.learning.persistence import load_checkpoint, save_checkpoint
from engrain.learning.stdp import STDPLearner

times = st.lists(st.integers(0, 300), max_size=12, unique=True)


def learner(rule: StdpRule, pre: list[int], post: list[int], shift: float = 0.0) -> STDPLearner:
    stdp = STDPLearner(rule=rule)
    for t in pre:
        stdp.record_spike("pre", t + shift)
    for t in post:
        stdp.record_spike("post", t + shift)
    return stdp


def pair_sum(rule: StdpRule, pre: list[int], post: list[int]) -> float:
    total = 0.0
    for t in pre:
        for s in post:
            if s > t:
                total += rule.a_plus * math.exp((t - s) / rule.tau_plus)
            elif s < t:
                total -= rule.a_minus * math.exp((s - t) / rule.tau_minus)
    return total


def nearest_sum(rule: StdpRule, pre: list[int], post: list[int]) -> float:
    total = 0.0
    for s in post:
        before = [t for t in pre if t < s]
        total += rule.a_plus * math.exp((max(before) - s) / rule.tau_plus) if before else 0.0
    for t in pre:
        before = [s for s in post if s < t]
        total -= rule.a_minus * math.exp((max(before) - t) / rule.tau_minus) if before else 0.0
    return total


@given(pre=times, post=times, shift=st.sampled_from([0.0, -1e4, 1e7]))
def test_changes_are_the_sum_over_all_pairs(pre: list[int], post: list[int], shift: float) -> None:
    rule = StdpRule(w_min=-100.0, w_max=100.0)
    update = learner(rule, pre, post, shift).get_weight_update("pre", "post")
    assert update == pytest.approx(pair_sum(rule, pre, post), abs=1e-12)


@given(pre=times, post=times)
def test_nearest_pairs_only(pre: list[int], post: list[int]) -> None:
    rule = StdpRule(w_min=-100.0, w_max=100.0, pairing="nearest")
    update = learner(rule, pre, post).get_weight_update("pre", "post")
    assert update == pytest.approx(nearest_sum(rule, pre, post), abs=1e-12)


@pytest.mark.parametrize("gap", [-60, -20, -1, 1, 20, 60])
def test_the_curve_of_bi_and_poo(gap: int) -> None:
    update = learner(StdpRule(), [100], [100 + gap]).get_weight_update("pre", "post")
    height = 0.005 if gap > 0 else -0.00525
    assert update == pytest.approx(height * math.exp(-abs(gap) / 20), rel=1e-9)
    assert learner(StdpRule(), [100], [100]).get_weight_update("pre", "post") == 0.0


def test_triplets_make_potentiation_grow_with_frequency() -> None:
    """Pfister & Gerstner (2006): 60 pairings at +10 ms, at 10 to 50 Hz."""
    rule = StdpRule(
        0.0, 7.1e-3, 16.8, 33.7, a3_plus=6.5e-3, a3_minus=0.0, w_min=-100.0, w_max=100.0
    )
    updates = []
    for rate in (10, 20, 40, 50):
        start = [int(i * 1000 / rate) for i in range(60)]
        stdp = learner(rule, start, [t + 10 for t in start])
        updates.append(stdp.get_weight_update("pre", "post"))
    assert updates == sorted(updates)
    assert updates[-1] > 0


@given(pre=times, post=times, weight=st.floats(0, 1), mu=st.sampled_from([0.0, 0.5, 1.0]))
def test_weights_stay_within_their_bounds(
    pre: list[int], post: list[int], weight: float, mu: float
) -> None:
    stdp = learner(StdpRule(0.5, 0.5, mu=mu), pre, post)
    stdp.set_weight("pre", "post", weight)
    assert stdp.get_weight_update("pre", "post") == stdp.get_weight_update("pre", "post")
    assert 0.0 <= stdp.apply("pre", "post") <= 1.0
    assert stdp.get_weight_update("pre", "post") == 0.0


def test_a_late_reward_finds_the_tag() -> None:
    stdp = learner(StdpRule(), [100], [105])
    early = stdp.get_modulated_update("pre", "post", 105, dopamine=0.5)
    late = stdp.get_modulated_update("pre", "post", 1105, dopamine=0.5)
    assert early == pytest.approx(0.5 * 0.005 * math.exp(-5 / 20), rel=1e-9)
    assert late == pytest.approx(early * math.exp(-1), rel=1e-9)
    assert stdp.get_tag("pre", "post", 50) == 0.0
    assert stdp.get_modulated_update("pre", "post", 1105, dopamine=-1.0) < 0


def test_caps_hold_and_a_clock_gives_the_time() -> None:
    clock = SimulatedClock(5.0)
    stdp = STDPLearner(max_spikes=3, max_neurons=2, max_weights=2, clock=clock)
    for i in range(10):
        for name in ("a", "b", "c"):
            stdp.record_spike(name)
        stdp.set_weight(i, "x", 2.0)
        clock.advance(1.0)
    assert [len(s) for s in stdp._spikes.values()] == [1, 1]
    assert stdp.get_weight(9, "x") == 1.0
    assert stdp.get_weight(0, "x") == 0.5


def test_bad_input_is_refused() -> None:
    stdp = STDPLearner()
    for bad in (None, np.nan, np.inf):
        with pytest.raises(ValueError, match="time"):
            stdp.record_spike("a", bad)
    with pytest.raises(TypeError, match="id"):
        stdp.record_spike(1.5, 0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weight"):
        stdp.set_weight("a", "b", np.nan)
    with pytest.raises(ValueError, match="tau_plus"):
        STDPLearner(tau_plus=0.0)
    with pytest.raises(ValueError, match="initial_weight"):
        STDPLearner(initial_weight=2.0)
    with pytest.raises(ValueError, match="caps"):
        STDPLearner(max_spikes=0)
    with pytest.raises(ValueError, match="time"):
        stdp.get_tag("a", "b", np.nan)


def test_a_saved_learner_continues_bit_for_bit(tmp_path: Path) -> None:
    first = STDPLearner(max_spikes=5, max_neurons=4, max_weights=3)
    second = STDPLearner(max_spikes=5, max_neurons=4, max_weights=3)
    rng = np.random.default_rng(0)
    neurons: list[Id] = ["a", 1, "b", 2, "c"]
    for i in range(200):
        if i == 100:
            save_checkpoint(tmp_path / "s", {"stdp": first})
            load_checkpoint(tmp_path / "s", {"stdp": second})
        pre, post = (neurons[j] for j in rng.choice(5, 2, replace=False))
        weights = set()
        for learner in (first, second)[: 1 if i < 100 else 2]:
            learner.record_spike(pre, float(i))
            learner.record_spike(post, i + 0.5)
            weights.add(learner.apply(pre, post) if i % 7 == 0 else learner.get_tag(pre, post, i))
        assert len(weights) == 1
    with pytest.raises(SnapshotError, match="STDP"):
        STDPLearner(max_spikes=1).load(first.state())
    empty = STDPLearner()
    empty.load(STDPLearner().state())
    assert empty.get_weight("a", "b") == 0.5
