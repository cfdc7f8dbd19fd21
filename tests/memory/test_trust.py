from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import ConfigError
from engrain.memory.trust import CAP, Trust


def test_the_owner_is_not_capped() -> None:
    trust = Trust()
    assert [trust.mass(None, 1, 1.0) for _ in range(100)] == [1.0] * 100
    assert trust.step_weight(None) == 1.0


@given(st.lists(st.floats(0, 1), max_size=60), st.booleans())
def test_a_principal_gives_one_memory_at_most_the_cap(praise: list[float], standing: bool) -> None:
    trust = Trust()
    trust.establish("ann", standing)
    given_masses = [trust.mass("ann", 7, outcome) for outcome in praise]
    assert all(0 <= mass <= outcome for mass, outcome in zip(given_masses, praise, strict=True))
    assert sum(given_masses) <= CAP + 1e-9
    assert trust.given("ann", 7) == pytest.approx(sum(given_masses))


@pytest.mark.parametrize("names", [1, 1000])
def test_a_thousand_newcomers_weigh_no_more_than_one(names: int) -> None:
    trust = Trust()
    trust.step_weight(None)
    masses = [trust.mass(f"n{i % names}", 7, 1.0) for i in range(1000)]
    steps = [trust.step_weight(f"n{i % names}") for i in range(1000)]
    assert sum(masses) == pytest.approx(CAP)
    assert not any(steps)


def test_newcomers_teach_alone_where_nobody_else_does() -> None:
    trust = Trust()
    assert [trust.step_weight("n") for _ in range(50)] == [1.0] * 50


def test_newcomers_move_no_weights_once_somebody_who_stands_has_taught() -> None:
    trust = Trust()
    trust.establish("ann")
    assert trust.step_weight("n") == 1.0
    assert [trust.step_weight(name) for name in ("ann", "n", "m", None, "n")] == [1, 0, 0, 1, 0]


def test_standing_is_given_and_taken_by_the_operator() -> None:
    trust = Trust()
    trust.establish("ann")
    trust.mass("bob", 1, 1.0)
    trust.mass("bob", 1, 1.0)
    assert trust.mass("ann", 1, 1.0) == 1.0
    trust.establish("ann", standing=False)
    assert trust.mass("ann", 1, 1.0) < 1.0
    with pytest.raises(ConfigError):
        trust.establish("")


def test_remembered_pairs_are_capped_and_the_oldest_go_first() -> None:
    trust = Trust(pairs=3)
    trust.establish("ann")
    for handle in range(5):
        trust.mass("ann", handle, 1.0)
    assert [trust.given("ann", handle) > 0 for handle in range(5)] == [False] * 2 + [True] * 3


def test_state_and_load_give_the_same_masses() -> None:
    trust, again = Trust(), Trust()
    trust.establish("ann")
    for i in range(20):
        trust.mass("ann" if i % 2 else "bob", i % 3, 0.7)
        trust.step_weight("bob" if i % 3 else None)
    again.load(trust.state())
    assert all(np.array_equal(a, again.state()[k]) for k, a in trust.state().items())
    for handle in range(3):
        assert again.mass("ann", handle, 1.0) == trust.mass("ann", handle, 1.0)
        assert again.mass("bob", handle, 1.0) == trust.mass("bob", handle, 1.0)
    assert again.step_weight("bob") == trust.step_weight("bob")


def test_a_forgotten_memory_can_be_praised_afresh() -> None:
    trust = Trust()
    trust.establish("ann")
    for principal in ("ann", "bob"):
        trust.mass(principal, 4, 1.0)
    trust.forget(4)
    assert trust.given("ann", 4) == trust.given("bob", 4) == 0


def test_an_outcome_outside_its_range_is_refused() -> None:
    for outcome in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="outcome"):
            Trust().mass("ann", 1, outcome)
    with pytest.raises(ConfigError):
        Trust(cap=0)
