"""The columns of logged rows: which there were when, and how older rows read today.

The log says which columns rows have from its first event on, and again whenever that changes. Rows
are read by name: a column that they lack is 0, one that is gone is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import SnapshotError

__all__ = ["Columns", "places", "reorder", "reorder_arrays"]


class Columns:
    """Names of the columns in force along a log.

    Parameters
    ----------
    today : sequence of str
        Columns of the rows that are computed now.
    """

    def __init__(self, today: Sequence[str]) -> None:
        self.today = tuple(today)
        self._known: list[tuple[int, tuple[str, ...]]] = []

    @property
    def known(self) -> bool:
        """Whether the log has said anything."""
        return bool(self._known)

    @property
    def stated(self) -> bool:
        """Whether the log says that rows have today's columns."""
        return bool(self._known) and self._known[-1][1] == self.today

    def state_at(self, seq: int, names: Sequence[str]) -> None:
        """Note that rows have these columns from `seq` on."""
        self._known.append((seq, tuple(names)))

    def at(self, seq: int) -> tuple[str, ...]:
        """Return the columns in force at an event.

        Raises
        ------
        SnapshotError
            The log does not say.
        """
        for start, names in reversed(self._known):
            if start <= seq:
                return names
        raise SnapshotError(f"the log does not say which columns the rows of event {seq} have")

    def read(self, rows: F32Array, seq: int) -> F32Array:
        """Return the rows of an event as they would stand today, shape (n, columns)."""
        return reorder(rows, self.at(seq), self.today)

    def added_after(self, seq: int) -> tuple[str, ...]:
        """Return the columns of today that rows lacked at `seq`."""
        known = set(self.at(seq))
        return tuple(name for name in self.today if name not in known)

    def history(self) -> list[list[Any]]:
        """Return what `take` needs, as JSON."""
        return [[seq, list(names)] for seq, names in self._known]

    def take(self, history: Sequence[Sequence[Any]]) -> None:
        """Take over a history returned by `history`."""
        self._known = [(seq, tuple(names)) for seq, names in history]


def places(names: Sequence[str], today: Sequence[str]) -> tuple[I64Array, I64Array]:
    """Return where the columns that both have lie in `names` and in `today`."""
    at = {name: place for place, name in enumerate(names)}
    both = [(at[name], place) for place, name in enumerate(today) if name in at]
    pairs = np.array(both, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def reorder(rows: F32Array, names: Sequence[str], today: Sequence[str]) -> F32Array:
    """Return rows with columns `names` as rows with columns `today`, 0 where they lack one."""
    if tuple(names) == tuple(today):
        return rows
    out = np.zeros((len(rows), len(today)), rows.dtype)
    source, target = places(names, today)
    out[:, target] = rows[:, source]
    return out


def reorder_arrays(
    arrays: Mapping[str, np.ndarray[Any, Any]],
    defaults: Mapping[str, np.ndarray[Any, Any]],
    names: Sequence[str],
    today: Sequence[str],
    axes: Mapping[str, Sequence[int]],
) -> dict[str, np.ndarray[Any, Any]]:
    """Return arrays whose `axes` run over columns as today's columns have them.

    What there is no value for is taken from `defaults`, which has today's shapes.
    """
    if tuple(names) == tuple(today):
        return dict(arrays)
    source, target = places(names, today)
    out = dict(arrays)
    for name, along in axes.items():
        kept = arrays[name]
        shape = list(kept.shape)
        for axis in along:
            shape[axis] = len(today)
        full = np.zeros(shape, kept.dtype)
        if full.shape == defaults[name].shape:
            full[...] = defaults[name]
        own, into = ([np.arange(n) for n in kept.shape] for _ in range(2))
        for axis in along:
            own[axis], into[axis] = source, target
        full[np.ix_(*into)] = kept[np.ix_(*own)]
        out[name] = full
    return out
