from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ShapeError
from engrain.loops.archive import relinked
from engrain.loops.material import Links, link_change


def links(*rows: tuple[int, int, float, int]) -> Links:
    columns = list(zip(*rows, strict=True)) or [()] * 4
    a, b, kinds = (np.array(columns[i], np.int64) for i in (0, 1, 3))
    return Links(a, b, np.array(columns[2], np.float64), kinds)


def test_links_between_pairs_keep_the_heavier() -> None:
    made = Links.between(np.array([3, 1, 2]), np.array([1, 3, 0]), np.array([0.2, 0.5, 0.1]), 2)
    assert list(zip(made.a, made.b, made.weights, made.kinds, strict=True)) == [
        (0, 2, 0.1, 2),
        (1, 3, 0.5, 2),
    ]


def test_a_change_holds_only_what_differs_and_undoes_itself() -> None:
    handles = np.array([10, 20, 30, 40])
    old = links((0, 1, 0.5, 0), (1, 2, 0.2, 1), (2, 3, 0.3, 0))
    new = links((0, 1, 0.5, 0), (1, 2, 0.4, 1), (0, 3, 0.1, 2))
    change = link_change("test", handles, old, new)
    assert change.ends.tolist() == [[10, 40], [20, 30], [30, 40]]
    assert change.before.tolist() == [0.0, 0.2, 0.3]
    assert change.after.tolist() == [0.1, 0.4, 0.0]
    by_handle = Links(handles[old.a], handles[old.b], old.weights, old.kinds)
    made = relinked(by_handle, change, 50)
    back = relinked(made, change.inverse(), 50)
    assert len(made) == 3
    for one, other in ((back.a, by_handle.a), (back.b, by_handle.b), (back.kinds, by_handle.kinds)):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(back.weights, by_handle.weights)


def test_columns_must_agree() -> None:
    with pytest.raises(ShapeError):
        links((1, 0, 0.5, 0))
    with pytest.raises(ShapeError):
        Links(np.array([0]), np.array([1]), np.zeros(2), np.zeros(1, np.int64))
