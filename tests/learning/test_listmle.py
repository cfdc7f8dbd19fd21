from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.learning.listmle import list_mle

lists = st.lists(
    st.tuples(st.floats(-30, 30), st.floats(-5, 5) | st.just(float("nan")) | st.just(0.5)),
    max_size=12,
)


def plackett_luce(scores: np.ndarray, order: tuple[int, ...]) -> float:
    probability = 1.0
    for i in range(len(order)):
        rest = np.exp(scores[list(order[i:])])
        probability *= rest[0] / rest.sum()
    return float(probability)


@given(seed=st.integers(0, 1000), n=st.integers(2, 6))
def test_loss_is_the_likelihood_by_enumeration(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    scores, rewards = rng.standard_normal(n), rng.permutation(n).astype(float)
    orders = list(permutations(range(n)))
    assert sum(plackett_luce(scores, o) for o in orders) == pytest.approx(1.0)
    true = tuple(np.argsort(-rewards).tolist())
    loss, _ = list_mle(scores, rewards)
    assert loss * n == pytest.approx(-np.log(plackett_luce(scores, true)))


@given(items=lists)
def test_loss_is_finite_and_its_gradient_sums_to_zero(items: list[tuple[float, float]]) -> None:
    scores, rewards = np.array(items).reshape(-1, 2).T
    loss, gradient = list_mle(scores, rewards, np.random.default_rng(0))
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    assert gradient.sum() == pytest.approx(0.0, abs=1e-9)
    assert not gradient[np.isnan(rewards)].any()
    shifted, _ = list_mle(scores + 7.0, rewards, np.random.default_rng(0))
    assert shifted == pytest.approx(loss, abs=1e-9)


@pytest.mark.parametrize(
    "rewards", [[3, 1, 2, 0], [-1, -2, -3, -4], [1, 1, 1, 1], [1, np.nan, 0, np.nan]]
)
def test_gradient_agrees_with_differences(rewards: list[float]) -> None:
    scores = np.array([0.3, -1.0, 2.0, 0.1])
    _, gradient = list_mle(scores, rewards)
    for i, unit in enumerate(np.eye(4) * 1e-6):
        ahead, behind = (list_mle(scores + d, rewards)[0] for d in (unit, -unit))
        assert gradient[i] == pytest.approx((ahead - behind) / 2e-6, abs=1e-6)


def test_masked_items_leave_before_the_sum() -> None:
    full, _ = list_mle([1.0, 2.0], [0.0, 1.0])
    padded, gradient = list_mle([1.0, 50.0, 2.0], [0.0, np.nan, 1.0])
    assert padded == full
    assert gradient[1] == 0.0


def test_short_lists_teach_nothing_and_bad_ones_are_refused() -> None:
    assert list_mle([], [])[0] == list_mle([1.0], [1.0])[0] == 0.0
    with pytest.raises(ValueError, match="one length"):
        list_mle([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="finite"):
        list_mle([np.nan, 1.0], [1.0, 2.0])
