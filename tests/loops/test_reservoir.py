from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.loops import SignalReservoir
from tests.loops.batches import planted

DIM, CAPACITY = 8, 50


def test_signals_stay_with_odds_that_grow_with_their_weight() -> None:
    signals, kept = planted(0, 400, DIM), np.zeros(400)
    weights = np.where(np.arange(400) < 200, 1.0, 4.0)
    for seed in range(100):
        reservoir = SignalReservoir(DIM, CAPACITY, seed=seed)
        reservoir.add(signals, weights)
        held = {row.tobytes() for row in reservoir.signals.queries}
        kept += [row.tobytes() in held for row in signals.queries]
    light, heavy = kept[:200].mean(), kept[200:].mean()
    # 50 of 200 light and 200 heavy ones: sampling without replacement is a little below 4 to 1
    assert light + heavy == pytest.approx(100 * CAPACITY / 200)
    assert 3.4 < heavy / light < 4.3


def test_early_and_late_signals_of_one_weight_are_kept_alike() -> None:
    early = []
    for seed in range(60):
        reservoir = SignalReservoir(DIM, CAPACITY, seed=seed)
        for part in range(10):
            signals = planted(part, 40, DIM)
            signals.outcomes[:] = part / 10
            reservoir.add(signals, np.ones(40))
        early.append(np.mean(reservoir.signals.outcomes < 0.45))
    assert np.mean(early) == pytest.approx(0.5, abs=0.03)


def test_the_sample_does_not_depend_on_how_signals_were_parted() -> None:
    signals, weights = planted(0, 300, DIM), np.random.default_rng(0).random(300) + 0.1
    whole, parted = (SignalReservoir(DIM, CAPACITY, seed=7) for _ in range(2))
    whole.add(signals, weights)
    for start in range(0, 300, 37):
        parted.add(signals.rows(slice(start, start + 37)), weights[start : start + 37])
    np.testing.assert_array_equal(whole.signals.queries, parted.signals.queries)
    assert whole.counts == parted.counts == {"offered": 300, "dropped": 250}


def test_state_goes_on_bit_for_bit() -> None:
    one, other = SignalReservoir(DIM, CAPACITY), SignalReservoir(DIM, CAPACITY)
    one.add(planted(0, 80, DIM), np.ones(80))
    other.load(one.state())
    for each in (one, other):
        each.add(planted(1, 80, DIM), np.ones(80))
    np.testing.assert_array_equal(one.signals.queries, other.signals.queries)
    assert len(one) == CAPACITY


def test_bad_input_is_refused_and_changes_nothing() -> None:
    reservoir = SignalReservoir(DIM, CAPACITY)
    with pytest.raises(ShapeError):
        reservoir.add(planted(0, 3, DIM), np.ones(2))
    with pytest.raises(NonFiniteError):
        reservoir.add(planted(0, 3, DIM), np.zeros(3))
    with pytest.raises(ShapeError):
        reservoir.load(SignalReservoir(DIM + 1).state())
    with pytest.raises(ConfigError):
        SignalReservoir(DIM, 0)
    assert reservoir.counts == {"offered": 0, "dropped": 0}
