from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain.base.errors import ConfigError, SnapshotError
from engrain.kernels import ModulatorRule, Modulators, reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, normal, seeds

unit = st.floats(0, 1)


@pytest.mark.parametrize("dim", [n for n in EXTENTS if n])
def test_observe_novelty_agrees_with_its_oracle(simd: str, dim: int) -> None:
    modulators, rule = Modulators(dim, ModulatorRule()), ModulatorRule()
    queries = normal(dim, 20, dim) + 0.3
    for i, query in enumerate(queries):
        modulators.query(query)
        expected = reference.observe_novelty(queries[:i], query, rule.novelty_memory)
        assert modulators.values["novelty"] == pytest.approx(expected, abs=2e-6)


@settings(max_examples=50)
@given(demands=st.lists(st.tuples(unit, unit), min_size=1, max_size=12), seed=seeds)
def test_phases_agree_with_their_oracles(demands: list[tuple[float, float]], seed: int) -> None:
    rule = ModulatorRule()
    modulators, rng = Modulators(8, rule), np.random.default_rng(seed)
    for encode, retrieve in demands:
        state = modulators.values
        gate = modulators.query(normal(seed, 8), encode, retrieve)
        novelty = modulators.values["novelty"]
        state = reference.modulate_query(state, rule, novelty, encode, retrieve) | {
            "seen": modulators.values["seen"]
        }
        assert modulators.values == pytest.approx(state, abs=1e-12)
        assert 0.25 <= gate <= 4
        outcomes, expected, eligibility = rng.random((3, 5), dtype=np.float32)
        signals = modulators.outcome(outcomes, expected, eligibility)
        state, wanted = reference.modulate_outcome(state, rule, outcomes, expected, eligibility)
        np.testing.assert_allclose(signals, wanted, rtol=1e-6, atol=1e-7)
        assert modulators.values == pytest.approx(state, abs=1e-12)


def test_the_table_of_values() -> None:
    modulators = Modulators(4, ModulatorRule())
    first = np.array([1, 0, 0, 0], dtype=np.float32)
    assert modulators.values["gate"] == pytest.approx(0.5, abs=1e-12)
    for mode, boost in (("encoding", 2.0), ("retrieval", 1.2), ("balanced", 1.0)):
        modulators.query(None, mode=mode)
        assert modulators.values["boost"] == pytest.approx(boost, abs=1e-12)
        assert modulators.values["norepinephrine"] == pytest.approx(0.5, abs=1e-12)
    assert modulators.query(first, encode=1.0) == pytest.approx(2.0 * 2.0 * 1.0, abs=1e-12)
    assert modulators.values["mode"] == "encoding"
    modulators.query(first)
    assert modulators.values["novelty"] == pytest.approx(0, abs=1e-12)
    empty = np.zeros(0, dtype=np.float32)
    for _ in range(300):
        modulators.outcome(empty, empty, empty, session=1.0)
    assert modulators.values["mood"] == pytest.approx(1.0, abs=1e-12)
    assert modulators.values["serotonin"] == pytest.approx(0.5, abs=1e-12)


def test_disappointment_is_negative_and_nothing_learned_without_a_factor() -> None:
    modulators = Modulators(4, ModulatorRule())
    outcomes = np.array([0.0, 1.0, 0.5, 1.0], dtype=np.float32)
    expected = np.full(4, 0.5, dtype=np.float32)
    signals = modulators.outcome(outcomes, expected, np.array([1, 1, 1, 0], dtype=np.float32))
    assert signals[0] == -signals[1] < 0
    assert signals[2] == signals[3] == 0


def test_the_discount_follows_mood_where_serotonin_discounts() -> None:
    rule = ModulatorRule(discounting=True, mood=0.9)
    values = Modulators(4, rule).values
    assert values["serotonin"] == 1
    assert values["discount"] == pytest.approx(0.99)


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(ModulatorRule)])
def test_each_parameter_changes_a_value(field: str) -> None:
    def run(rule: ModulatorRule) -> list[float]:
        modulators, gates = Modulators(6, rule), []
        ones = np.full(3, 0.9, dtype=np.float32)
        for step, (encode, retrieve) in enumerate([(1, 0), (1, 0), (0, 0), (0, 1), (0, 1), (0, 0)]):
            gates.append(modulators.query(normal(step, 6) + 1, encode, retrieve))
            modulators.outcome(ones, ones, ones)
            gates.append(modulators.values["mood"])
        return gates

    before = getattr(ModulatorRule(), field)
    other = not before if isinstance(before, bool) else 0.37 * before
    assert run(ModulatorRule()) != run(dataclasses.replace(ModulatorRule(), **{field: other}))


def test_modulators_save_load_continue_equals_not_stopping() -> None:
    whole, first, second = (Modulators(16, ModulatorRule()) for _ in range(3))
    ones = np.ones(2, dtype=np.float32)
    for step in range(20):
        if step == 10:
            second.load(first.state())
        for modulators in (whole, first if step < 10 else second):
            modulators.query(normal(step, 16), encode=step % 2)
            modulators.outcome(ones * np.float32(step % 3 / 2), ones * np.float32(0.5), ones)
    for name, array in whole.state().items():
        assert array.tobytes() == second.state()[name].tobytes()
    with pytest.raises(SnapshotError):
        second.load(whole.state() | {"direction": np.zeros(3, dtype=np.float32)})


def test_modulators_are_equal_bit_for_bit_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        modulators = Modulators(303, ModulatorRule())
        for step in range(10):
            modulators.query(normal(step, 303) + 0.5)
        states.add(b"".join(array.tobytes() for array in modulators.state().values()))
    assert len(states) == 1


def test_modulators_refuse_before_they_change() -> None:
    modulators = Modulators(4, ModulatorRule())
    before, ones = modulators.values, np.ones(4, dtype=np.float32)
    with pytest.raises(TypeError):
        modulators.query(np.ones(4))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="NaN"):
        modulators.query(ones * np.float32("nan"))
    with pytest.raises(ConfigError, match="encode"):
        modulators.query(ones, encode=2.0)
    with pytest.raises(ConfigError, match="mode"):
        modulators.query(ones, mode="asleep")
    with pytest.raises(ValueError, match="expected"):
        modulators.outcome(ones, ones[:3], ones)
    with pytest.raises(ValueError, match="session"):
        modulators.outcome(ones, ones, ones, session=float("inf"))
    assert modulators.values == before
    with pytest.raises(ConfigError, match="mood_rate"):
        ModulatorRule(mood_rate=2)
