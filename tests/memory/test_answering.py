from __future__ import annotations

from pathlib import Path
from zlib import crc32

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engrain import Memory
from engrain.memory.answering import RUNNERS, UNSHOWN, Ranked, beside


def ranked(n: int, seed: int = 0) -> Ranked:
    rng = np.random.default_rng(seed)
    handles = np.sort(rng.choice(10 * n + 10, n, replace=False)).astype(np.int64)
    rows = np.column_stack([handles, rng.random(n)]).astype(np.float32)
    return Ranked(handles, rows, rng.random(n, dtype=np.float32))


@given(n=st.integers(1, 200), k=st.integers(1, 40), seed=st.integers(0, 99))
def test_what_is_shown_stands_above_others_that_are_not(n: int, k: int, seed: int) -> None:
    all_of_them = ranked(n, seed)
    shown = all_of_them.best(k)
    kept, runners = beside(all_of_them, shown)
    next_best = all_of_them.best(len(shown.rows) + RUNNERS).rows[len(shown.rows) :]
    listed = kept[: len(kept) - runners]
    np.testing.assert_array_equal(kept[len(listed) :], next_best)
    np.testing.assert_array_equal(listed[: len(shown.rows)], shown.rows)
    others = listed[len(shown.rows) :, 0].tolist()
    assert len(set(others)) == len(others) == min(UNSHOWN, n - len(shown.rows))
    assert set(others) <= set(all_of_them.handles.tolist()) - set(shown.handles.tolist())
    rest = np.flatnonzero(~np.isin(all_of_them.handles, shown.handles))
    if len(rest) > UNSHOWN:
        steps = np.arange(UNSHOWN) + crc32(all_of_them.scores.tobytes()) * 2.0**-32
        rest = rest[(steps * (len(rest) / UNSHOWN)).astype(np.int64)]
    np.testing.assert_array_equal(listed[len(shown.rows) :], all_of_them.rows[rest])


def test_every_candidate_that_is_not_shown_is_equally_likely() -> None:
    drawn = np.zeros(110)
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        handles = np.arange(110, dtype=np.int64)
        rows = handles[:, None].astype(np.float32)
        candidates = Ranked(handles, rows, rng.random(110, dtype=np.float32))
        fixed = Ranked(handles[:10], rows[:10], candidates.scores[:10])
        kept, runners = beside(candidates, fixed)
        drawn[kept[10:-runners, 0].astype(int)] += 1
    assert not drawn[:10].any()
    assert abs(drawn[10:] / 2000 - UNSHOWN / 100).max() < 0.05


def test_linked_memories_need_not_be_candidates() -> None:
    candidates = ranked(30)
    linked = Ranked(np.array([5000]), np.zeros((1, 2), np.float32), np.zeros(1, np.float32))
    shown = candidates.best(4).joined(linked)
    kept, runners = beside(candidates, shown)
    assert len(kept) == 5 + UNSHOWN + runners


def test_a_trace_keeps_them_through_a_restart(tmp_path: Path) -> None:
    with Memory(tmp_path / "a.db", dim=4) as memory:
        for i in range(60):
            memory.remember(f"note {i} on subject {i % 7}", vector=np.eye(4)[i % 4], id=i)
        first = memory.recall("subject", 5, vector=np.ones(4))
    assert first.trace_id is not None
    with Memory(tmp_path / "a.db") as memory:
        trace = memory._state.traces.find(first.trace_id)
        assert trace.rows.shape[0] == 5
        assert trace.listed.shape[0] == 5 + UNSHOWN
        assert trace.kept.shape[0] == 5 + UNSHOWN + RUNNERS
        memory.feedback(first.trace_id, used=[first.hits[0].id])
