"""Prioritised replay: what surprised comes back more often, at a cost of log n."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, SnapshotError
from engrain.kernels import SumTree

_Item = TypeVar("_Item")


class PrioritizedReplayBuffer(Generic[_Item]):
    """A ring of items drawn with P(i) ∝ priority^α (Schaul et al. 2016).

    Parameters
    ----------
    capacity : int
        At the cap the oldest item is replaced.
    alpha : float
        0 draws uniformly, 1 in proportion.
    beta : float
        Strength of the importance weights (N·P(i))^-β / max, one per item.
    seed : int
    """

    def __init__(
        self, capacity: int = 10_000, alpha: float = 0.6, beta: float = 0.4, seed: int = 0
    ) -> None:
        if not 0.0 <= beta <= 1.0:
            raise ConfigError(f"beta: needs a number in [0, 1], got {beta!r}")
        self.tree = SumTree(capacity, alpha, seed)
        self.capacity = capacity
        self.beta = beta
        self._items: list[_Item] = []
        self._next = 0
        self._highest = 1.0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: _Item, priority: float | None = None) -> None:
        """Keep an item; without a priority it comes in at the highest seen so far."""
        value = self._highest if priority is None else priority
        at = np.array([self._next], dtype=np.int64)
        self.tree.update(at, np.array([value], dtype=np.float32))
        self._highest = max(self._highest, value)
        if self._next == len(self._items):
            self._items.append(item)
        else:
            self._items[self._next] = item
        self._next = (self._next + 1) % self.capacity

    def sample(self, n: int) -> tuple[I64Array, list[_Item], F32Array]:
        """Return indices, items and importance weights of `n` draws.

        Raises
        ------
        ConfigError
            Nothing in the buffer has a priority above 0.
        """
        indices, weights = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.float32)
        self.tree.sample(indices, weights, max(len(self._items), 1), self.beta)
        return indices, [self._items[i] for i in indices.tolist()], weights

    def update_priorities(self, indices: I64Array, priorities: F32Array) -> None:
        """Set the priorities of drawn items, both of shape (n,)."""
        self.tree.update(indices, priorities)
        self._highest = max(self._highest, float(priorities.max(initial=0.0)))

    @property
    def items(self) -> list[_Item]:
        """The items kept, by index; a copy."""
        return list(self._items)

    def state(self) -> dict[str, Any]:
        """Return priorities and generator; what the items are, their owner knows to write."""
        return {
            "tree": self.tree.state(),
            "next": self._next,
            "highest": self._highest,
            "beta": self.beta,
        }

    def load(self, state: Mapping[str, Any], items: Iterable[_Item]) -> None:
        """Take over a state returned by `state`, with the `items` of that time.

        Raises
        ------
        SnapshotError
            They do not fit together or do not fit this buffer; nothing was changed.
        """
        kept, at = list(items), int(state["next"])
        partly = at == len(kept) < self.capacity
        if not partly and not 0 <= at < len(kept) == self.capacity:
            raise SnapshotError("the state of a replay buffer does not fit")
        self.tree.load(state["tree"])
        self._items, self._next = kept, at
        self._highest, self.beta = float(state["highest"]), float(state["beta"])
