from __future__ import annotations

import threading

import numpy as np
import pytest

from engrain import kernels
from engrain.base.arrays import F32Array
from engrain.base.errors import SnapshotError
from engrain.kernels import TRACE, TraceRule, TraceTable, reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.kernels.test_traces import batch

LAYERED = TraceRule(tau_fast=5, tau_slow=60, mix=0.7)


def ones(n: int) -> F32Array:
    return np.ones(n, dtype=np.float32)


def test_a_table_below_its_cap_agrees_with_the_oracle(simd: str) -> None:
    table, traces = TraceTable(50, LAYERED), np.zeros(50, dtype=TRACE)
    for step in range(40):
        handles, activity = batch(step, 50, 21)
        table.touch(handles, activity, 2.0 * step)
        traces = reference.touch_traces(traces, handles, activity, 2.0 * step, LAYERED)
    expected = reference.read_traces(traces, np.arange(50), 90.0, LAYERED)
    np.testing.assert_allclose(table.read(np.arange(50), 90.0), expected, rtol=1e-5)
    credit = np.empty(64, dtype=np.float32)
    assert table.credit(-0.5, 90.0, credit) == len(table) == 50
    np.testing.assert_allclose(credit[:50], -0.5 * expected[table.handles], rtol=1e-5)


def test_at_the_cap_the_newest_stays_and_the_weakest_of_a_window_goes() -> None:
    table = TraceTable(8, TraceRule())
    table.touch(np.arange(8), np.arange(1, 9, dtype=np.float32)[::-1].copy(), 0.0)
    table.touch(np.array([100]), ones(1), 0.0)
    assert sorted(table.handles) == [0, 1, 2, 3, 4, 5, 6, 100]
    assert (table.evicted, len(table)) == (1, 8)


def test_the_cap_holds_and_every_newest_handle_is_held() -> None:
    table = TraceTable(100, TraceRule())
    for step in range(3000):
        table.touch(np.array([step]), ones(1), 0.1 * step)
        assert table.read(np.array([step]), 0.1 * step)[0] == 1
    assert len(table) == 100
    assert table.evicted == 2900
    assert table.handles.min() > 2500


def test_a_batch_larger_than_the_table_leaves_it_consistent() -> None:
    table = TraceTable(3, TraceRule())
    handles = np.arange(40) % 11
    table.touch(handles, ones(40), 1.0)
    held = table.handles
    assert len(set(held)) == 3
    assert (table.read(held, 1.0) >= 1).all()
    assert np.count_nonzero(table.read(np.arange(11), 1.0)) == 3


def test_unknown_handles_read_zero_and_forgotten_ones_too() -> None:
    table = TraceTable(10, TraceRule())
    table.touch(np.array([1, 2, 3]), ones(3), 0.0)
    table.forget(np.array([1, 77, -5]))
    assert table.read(np.array([1, 2, 3, 99999, -1]), 0.0).tolist() == [0, 1, 1, 0, 0]
    table.clear()
    assert len(table) == 0
    table.touch(np.array([2]), ones(1), 0.0)
    assert table.handles.tolist() == [2]


def test_save_load_continue_equals_not_stopping() -> None:
    whole, first, second = (TraceTable(30, LAYERED) for _ in range(3))
    for step in range(60):
        if step == 30:
            second.load(first.state())
        for table in (whole, first if step < 30 else second):
            table.touch(*batch(step, 200, 17), 1.7 * step)
    for name, array in whole.state().items():
        assert array.tobytes() == second.state()[name].tobytes()


def test_a_damaged_state_is_refused_before_anything_changes() -> None:
    table = TraceTable(5, TraceRule())
    table.touch(np.arange(3), ones(3), 0.0)
    good = table.state()
    for wrong in (
        good | {"owner": np.array([1, 1, 2])},
        good | {"owner": np.arange(2)},
        good | {"owner": np.array([0, 1, -2])},
        {name: np.concatenate([array] * 3) for name, array in good.items()},
    ):
        with pytest.raises(SnapshotError):
            table.load(wrong)
    assert table.handles.tolist() == [0, 1, 2]


def test_a_table_is_equal_bit_for_bit_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        table = TraceTable(64, LAYERED)
        for step in range(50):
            table.touch(*batch(step, 300, 33), 1.3 * step)
        states.add(b"".join(array.tobytes() for array in table.state().values()))
    assert len(states) == 1


def test_a_table_refuses_before_it_changes() -> None:
    table = TraceTable(4, TraceRule(), max_handles=1000)
    table.touch(np.array([1]), ones(1), 0.0)
    with pytest.raises(TypeError, match="handles: expected a C-contiguous"):
        table.touch(np.array([1.0]), ones(1), 0.0)
    with pytest.raises(TypeError, match="activity"):
        table.touch(np.array([1]), np.ones(1), 0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="activity: expected extent"):
        table.touch(np.array([1]), ones(2), 0.0)
    with pytest.raises(ValueError, match="1000 is not in"):
        table.touch(np.array([2, 1000]), ones(2), 0.0)
    with pytest.raises(ValueError, match="NaN"):
        table.touch(np.array([2]), ones(1) * np.float32("inf"), 0.0)
    with pytest.raises(ValueError, match="now"):
        table.touch(np.array([2]), ones(1), float("nan"))
    assert table.handles.tolist() == [1]


def test_threads_lose_no_touch_and_keep_the_cap() -> None:
    table = TraceTable(1000, TraceRule())

    def work(seed: int) -> None:
        for _ in range(200):
            table.touch(np.arange(seed % 3, 600), ones(600 - seed % 3), 0.0)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.read(np.array([5, 599]), 0.0).tolist() == [1200, 1200]
    assert kernels.simd_level() in LEVELS
