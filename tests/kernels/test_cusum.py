from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.arrays import F64Array
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import seeds

RULE = {"allowance": 0.25, "clip": 4.0, "threshold": 8.0}


def case(seed: int, n: int, streams: int) -> tuple[F64Array, F64Array, F64Array, F64Array]:
    rng = np.random.default_rng(seed)
    mean, deviation = rng.standard_normal(streams), rng.uniform(0.1, 3.0, streams)
    rows: F64Array = mean + deviation * rng.standard_t(4, (n, streams))
    return rows, mean, deviation, rng.uniform(0.0, 4.0, (2, streams))


@pytest.mark.parametrize("streams", [1, 2, 7, 8, 9, 33])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(0, 60), seed=seeds)
def test_sums_and_alarms_agree_with_the_oracle(simd: str, streams: int, n: int, seed: int) -> None:
    rows, mean, deviation, sums = case(seed, n, streams)
    at, exact = reference.follow_cusum(rows, mean, deviation, sums, **RULE)
    assert kernels.follow_cusum(rows, mean, deviation, sums, **RULE) == at
    np.testing.assert_allclose(sums, exact, atol=1e-9)


def test_sums_are_equal_at_every_level_and_in_whatever_parts_rows_come() -> None:
    found = set()
    for level in LEVELS:
        set_simd_level(level)
        for parts in (1, 7):
            rows, mean, deviation, sums = case(1, 100, 33)
            for part in np.array_split(rows, parts):
                rule = {**RULE, "threshold": 1e9}
                assert kernels.follow_cusum(part, mean, deviation, sums, **rule) == len(part)
            found.add(sums.tobytes())
    set_simd_level(LEVELS[-1])
    assert len(found) == 1


def test_bad_input_is_refused_and_changes_nothing() -> None:
    rows, mean, deviation, sums = case(2, 5, 3)
    before = sums.copy()
    with pytest.raises(TypeError):
        kernels.follow_cusum(rows[:, ::2], mean[:2], deviation[:2], sums[:, :2], **RULE)
    with pytest.raises(ValueError, match="rows"):
        kernels.follow_cusum(rows[0], mean, deviation, sums, **RULE)
    with pytest.raises(ValueError, match="mean"):
        kernels.follow_cusum(rows, mean[:2], deviation, sums, **RULE)
    with pytest.raises(ValueError, match="sums"):
        kernels.follow_cusum(rows, mean, deviation, sums[0], **RULE)
    np.testing.assert_array_equal(sums, before)
