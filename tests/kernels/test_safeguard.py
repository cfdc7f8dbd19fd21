from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.kernels import Bets, reference
from engrain.kernels.reference.rank import log_loss
from engrain.kernels.reference.safeguard import STAKES
from engrain.kernels.safeguard import SafeguardState
from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.memory.ranking import RankingModel
from tests.strategies import normal, seeds

NAMES = ("s:bm25", "s:cos", "e:near", "e:share", "r:dir")
KINDS = ("static", "static", "evidence", "evidence", "evidence")
GROUP = (-1, -1, 0, 0, 1)


def models(**weights: float) -> tuple[RankingModel, RankingModel]:
    made = []
    for evidence in (True, False):
        model = RankingModel(
            NAMES, KINDS, (0,) * 5, base={"s:bm25": 1, "s:cos": 1}, evidence=evidence
        )
        taken = model.weights
        if evidence:
            for name, weight in weights.items():
                taken[NAMES.index(name.replace("_", ":"))] = weight
        model.weights = taken
        made.append(model)
    return made[0], made[1]


def guard(**weights: float) -> SafeguardState:
    return SafeguardState(*models(**weights), GROUP, 2, 0.05)


@given(st.lists(st.floats(-1, 1), max_size=80), st.booleans())
def test_wealth_is_that_of_the_oracle(x: list[float], renewed: bool) -> None:
    bets = Bets(renewed=renewed)
    wealth = [bets.observe(value) for value in x]
    np.testing.assert_allclose(wealth, reference.bet_on(x, renewed=renewed), rtol=1e-12)


def test_wealth_is_kept_and_given_back() -> None:
    bets, again = Bets(), Bets()
    for x in (0.3, -0.2, 1.0):
        bets.observe(x)
    again.wealth = bets.wealth
    assert again.observe(0.1) == bets.observe(0.1)
    bets.restart()
    assert bets.wealth.tolist() == [1.0] * 5
    with pytest.raises(ValueError, match=r"expected a number in \[-1, 1\], got 1.5"):
        bets.observe(1.5)
    with pytest.raises(ShapeError):
        again.wealth = np.ones(4)
    with pytest.raises(NonFiniteError):
        again.wealth = np.full(5, np.nan)


@settings(deadline=None)
@given(seeds, st.integers(1, 20), st.floats(0.1, 1))
def test_one_list_bets_on_what_each_group_would_gain(seed: int, n: int, share: float) -> None:
    state = guard(e_near=1.0, e_share=-0.5, r_dir=0.7)
    rows, outcomes = normal(seed, n, 5), np.zeros(n, np.float32)
    outcomes[seed % n] = 1.0
    full, control = state.model.weights, state.control.weights
    opened = np.ones(2, bool)
    gains = reference.gate_gains(rows, outcomes, full, control, GROUP, opened)
    state.observe(rows, outcomes, share)
    expected = 1 + np.outer(share * gains, STAKES)
    np.testing.assert_allclose(state.state()["wealth"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("opened", [(1, 1), (1, 0), (0, 1), (0, 0)])
def test_the_weights_in_force_are_those_of_open_groups(opened: tuple[int, int]) -> None:
    state = guard(e_near=1.0, e_share=0.5, r_dir=0.7)
    state.load(state.state() | {"open": np.array(opened, bool)})
    control = state.control.weights
    wanted = reference.blend_weights(state.model.weights, control, GROUP, opened)
    assert state.weights.tolist() == wanted.tolist()
    rows = normal(3, 8, 5)
    np.testing.assert_allclose(state.score(rows), rows @ wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(state.addends(rows), rows * wanted.astype(np.float32))


def test_a_weight_that_went_wrong_goes_back_at_the_wealth_that_is_needed() -> None:
    state = guard(e_near=0.0)
    kept, model = state.model.weights, state.model
    model.weights = -model.weights
    rows = normal(1, 10, 5)
    outcomes = np.zeros(10, np.float32)
    outcomes[np.argmax(rows[:, :2].sum(1))] = 1
    loss = [log_loss(rows @ w, outcomes) for w in (model.weights, kept)]
    harm = np.clip(loss[0] - loss[1], -1, 1)
    needed = reference.needed_wealth(0.025, 1)
    lists = 1 + int(np.argmax(reference.bet_on(np.full(200, harm), renewed=False) >= needed))
    verdicts = [state.observe(rows, outcomes) for _ in range(lists)]
    assert verdicts == [(False, False)] * (lists - 1) + [(False, True)]
    assert model.weights.tolist() == kept.tolist()
    assert state.chapters == (1, 0)


def test_bad_input_changes_nothing() -> None:
    state = guard(e_near=1.0)
    before = state.state()
    rows, outcomes = normal(1, 4, 5), np.array([1, 0, 0, 0], np.float32)
    bad = rows.copy()
    bad[2, 1] = np.nan
    for arguments, error in (
        ((rows.astype(float), outcomes), TypeError),
        ((rows[:, :4].copy(), outcomes), ShapeError),
        ((rows, outcomes[:3]), ShapeError),
        ((bad, outcomes), NonFiniteError),
        ((rows, outcomes + 1), NonFiniteError),
        ((rows, outcomes, 1.5), ValueError),
    ):
        with pytest.raises(error):
            state.observe(*arguments)
    with pytest.raises(ShapeError):
        state.load(before | {"open": np.ones(3, bool)})
    assert all(np.array_equal(array, state.state()[name]) for name, array in before.items())
    with pytest.raises(ConfigError):
        SafeguardState(*models(), (-1, -1, 0, 0, 2), 2, 0.05)
    with pytest.raises(ShapeError):
        SafeguardState(*models(), (-1, 0), 1, 0.05)


def test_nothing_is_said_by_a_list_without_success_or_share() -> None:
    state = guard(e_near=1.0)
    rows = normal(1, 4, 5)
    assert state.observe(rows, np.zeros(4, np.float32)) == (False, False)
    assert state.observe(rows, np.ones(4, np.float32), 0.0) == (False, False)
    assert (state.state()["wealth"] == 1).all()


def test_it_is_the_same_at_every_level() -> None:
    def run() -> dict[str, bytes]:
        state = guard(e_near=2.0, r_dir=1.0)
        for i in range(300):
            rows, outcomes = normal(i, 11, 5), np.zeros(11, np.float32)
            outcomes[i % 11] = 1
            state.observe(rows, outcomes)
            state.model.learn(rows, outcomes, 1.0)
            state.control.learn(rows, outcomes, 1.0)
        return {name: array.tobytes() for name, array in state.state().items()}

    found = []
    for level in LEVELS:
        set_simd_level(level)
        found.append(run())
    set_simd_level(LEVELS[-1])
    assert all(state == found[0] for state in found)
