"""Ids as dense handles, the form in which the compiled tables know them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from engrain.base.arrays import I64Array
from engrain.base.errors import ConfigError, SnapshotError
from engrain.base.ids import Id, decode_id, encode_id


class Handles:
    """Interns ids; at the cap the id used longest ago gives up its handle, in constant time.

    Parameters
    ----------
    capacity : int
        Ids held at once; handles lie in [0, capacity).
    """

    def __init__(self, capacity: int) -> None:
        if not 1 <= capacity < 2**31:
            raise ConfigError(f"capacity: needs a number in [1, 2**31), got {capacity}")
        self.capacity = capacity
        self._watchers: list[Callable[[I64Array], object]] = []
        self._held: OrderedDict[Id, int] = OrderedDict()
        self._ids: list[Id] = []
        self._gone: I64Array = np.zeros(1, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, id: Id) -> bool:
        return id in self._held

    def watch(self, forget: Callable[[I64Array], object]) -> None:
        """Have `forget` called with an array of handles, shape (1,), before they change owner."""
        self._watchers.append(forget)

    def _forget(self, handle: int) -> None:
        self._gone[0] = handle
        for forget in self._watchers:
            forget(self._gone)

    def find(self, id: Id) -> int:
        """Return the handle of an id without using it, -1 where it is unknown."""
        return self._held.get(id, -1)

    def intern(self, id: Id) -> int:
        """Return the handle of an id, giving it one where it has none.

        Raises
        ------
        TypeError
            Not a str, int or UUID.
        """
        handle = self._held.get(id)
        if handle is not None:
            self._held.move_to_end(id)
            return handle
        if type(id) is not str:
            encode_id(id)
        if len(self._held) < self.capacity:
            handle = len(self._ids)
            self._ids.append(id)
        else:
            _, handle = self._held.popitem(last=False)
            self._forget(handle)
            self._ids[handle] = id
        self._held[id] = handle
        return handle

    def intern_all(self, ids: Iterable[Id]) -> I64Array:
        """Return the handles of ids, shape (n,); refuses all where one is no id.

        Raises
        ------
        TypeError
            Not a str, int or UUID.
        ConfigError
            More different ids than there are handles.
        """
        wanted, held = list(ids), self._held
        known = [held.get(name, -1) for name in wanted]
        if -1 not in known:
            for name in wanted:
                held.move_to_end(name)
            return np.array(known, dtype=np.int64)
        for name in wanted:
            encode_id(name)
        if len(wanted) > self.capacity and len(set(wanted)) > self.capacity:
            raise ConfigError(f"ids: {len(wanted)} at once, but capacity is {self.capacity}")
        return np.array([self.intern(name) for name in wanted], dtype=np.int64)

    def find_all(self, ids: Iterable[Id]) -> I64Array:
        """Return the handles of ids, shape (n,), -1 where one is unknown."""
        get = self._held.get
        return np.array([get(name, -1) for name in ids], dtype=np.int64)

    def ids(self, handles: I64Array | Sequence[int]) -> list[Id]:
        """Return the owners of handles."""
        owners = self._ids
        return [owners[handle] for handle in np.asarray(handles).tolist()]

    def drop(self, id: Id) -> None:
        """Forget what the tables hold of an id; its handle stays with it until it is needed."""
        handle = self._held.get(id)
        if handle is not None:
            self._forget(handle)
            self._held.move_to_end(id, last=False)

    def state(self) -> dict[str, Any]:
        """Return ids and handles in the order of their last use."""
        return {
            "ids": [encode_id(name) for name in self._held],
            "handles": np.array(list(self._held.values()), dtype=np.int64),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            More ids than fit, or handles that are not 0 .. n - 1.
        """
        handles = np.asarray(state["handles"])
        if len(handles) > self.capacity or set(handles.tolist()) != set(range(len(state["ids"]))):
            raise SnapshotError("the state of a set of handles does not fit")
        self._held = OrderedDict(zip(map(decode_id, state["ids"]), handles.tolist(), strict=True))
        self._ids = sorted(self._held, key=self._held.__getitem__)
