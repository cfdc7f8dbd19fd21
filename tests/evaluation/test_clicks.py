from __future__ import annotations

import numpy as np
import pytest

from engrain.base.arrays import BoolArray, F64Array
from engrain.evaluation.clicks import CLICKS, MODELS, flip

RELEVANT: BoolArray = np.array([False, True, False, False, True, False, False, False, False, False])


def mean_outcomes(model: str, draws: int = 4000) -> F64Array:
    rng = np.random.default_rng(7)
    drawn = [MODELS[model](RELEVANT, rng) for _ in range(draws)]
    return np.asarray(np.mean(drawn, axis=0))


def test_every_named_model_exists_and_stays_between_0_and_1() -> None:
    assert set(CLICKS) == set(MODELS)
    for model in CLICKS:
        outcomes = mean_outcomes(model, 3)
        assert outcomes.shape == (10,)
        assert ((outcomes >= 0) & (outcomes <= 1)).all()


def test_perfect_clicks_repeat_the_judgments() -> None:
    np.testing.assert_array_equal(mean_outcomes("perfect", 2), RELEVANT)


def test_noisy_clicks_have_their_rates() -> None:
    rates = mean_outcomes("noisy")
    np.testing.assert_allclose(rates[RELEVANT], 0.7, atol=0.03)
    np.testing.assert_allclose(rates[~RELEVANT], 0.05, atol=0.015)


def test_position_biased_clicks_fall_with_the_rank() -> None:
    rates = mean_outcomes("position")
    assert rates[1] == pytest.approx(0.35, abs=0.03)
    assert rates[4] == pytest.approx(0.14, abs=0.03)


def test_seldom_seen_ones_are_clicked_at_any_rank_alike() -> None:
    rates = mean_outcomes("seldom")
    seen = (1 / np.arange(1, 11)).mean()
    np.testing.assert_allclose(rates[RELEVANT], 0.7 * seen, atol=0.03)
    np.testing.assert_allclose(rates[~RELEVANT], 0.05 * seen, atol=0.015)
    assert len(MODELS["seldom"](np.zeros(0, dtype=bool), np.random.default_rng(0))) == 0


def test_a_joint_reward_is_shared_by_all() -> None:
    rng = np.random.default_rng(1)
    assert MODELS["joint"](RELEVANT, rng).tolist() == [1.0] * 10
    assert MODELS["joint"](np.zeros(3, dtype=bool), rng).tolist() == [0.0] * 3


def test_flipped_outcomes_praise_one_at_random() -> None:
    rng = np.random.default_rng(2)
    flipped = [flip(RELEVANT.astype(float), rng) for _ in range(200)]
    assert all(outcomes.sum() == 1 for outcomes in flipped)
    assert len({int(outcomes.argmax()) for outcomes in flipped}) == 10
    assert len(flip(np.zeros(0), rng)) == 0
