from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import SnapshotError
from engrain.kernels import Handles


@given(names=st.lists(st.integers(0, 12), max_size=80))
def test_the_id_used_longest_ago_gives_up_its_handle(names: list[int]) -> None:
    forgotten: list[int] = []
    handles = Handles(5)
    handles.watch(lambda gone: forgotten.append(int(gone[0])))
    order: list[int] = []
    for name in names:
        if name not in order and len(order) == 5:
            expected = handles.find(order.pop(0))
            handles.intern(name)
            assert forgotten[-1] == expected == handles.find(name)
        else:
            handles.intern(name)
        order = [n for n in order if n != name] + [name]
    assert sorted(handles.find(n) for n in order) == list(range(len(order)))
    assert handles.ids([handles.find(n) for n in order]) == order
    other = Handles(5)
    other.load(handles.state())
    assert [other.intern(n) for n in (*order, 99)] == [handles.intern(n) for n in (*order, 99)]


def test_what_is_no_id_is_refused_for_all() -> None:
    handles = Handles(2)
    with pytest.raises(TypeError, match="id"):
        handles.intern_all(["a", 1.5])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="3 at once"):
        handles.intern_all(["a", "b", "c"])
    assert len(handles) == 0
    assert handles.intern_all(["a", "a", "b"]).tolist() == [0, 0, 1]
    assert handles.find_all(["b", "c"]).tolist() == [1, -1]
    assert "a" in handles
    with pytest.raises(ValueError, match="capacity"):
        Handles(0)
    with pytest.raises(SnapshotError):
        handles.load({"ids": ["s:a"], "handles": np.array([3])})


def test_a_dropped_id_is_the_next_to_go() -> None:
    forgotten: list[int] = []
    handles = Handles(2)
    handles.watch(lambda gone: forgotten.append(int(gone[0])))
    handles.intern_all(["a", "b"])
    handles.drop("b")
    handles.drop("unknown")
    handles.intern("c")
    assert forgotten == [1, 1]
    assert "a" in handles
