"""Links between memories, drawn by users or found by the deep loop."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from engrain.memory.codec import Arrays


class Links:
    """Undirected weighted links; a memory keeps its `per_memory` strongest."""

    def __init__(self, per_memory: int = 64) -> None:
        self.per_memory = per_memory
        self._weights: dict[int, dict[int, float]] = {}
        self._kinds: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return sum(len(row) for row in self._weights.values()) // 2

    def set(self, a: int, b: int, weight: float, kind: int = 0) -> None:
        """Link two memories; a weight of 0 removes the link. `kind` says what it stands for."""
        self._kinds.pop((min(a, b), max(a, b)), None)
        if weight > 0 and kind:
            self._kinds[min(a, b), max(a, b)] = kind
        for one, other in ((a, b), (b, a)):
            row = self._weights.setdefault(one, {})
            row.pop(other, None)
            if weight > 0:
                row[other] = weight
        for one in (a, b):
            row = self._weights[one]
            if len(row) > self.per_memory:
                weakest = min(row, key=lambda other: (row[other], -other))
                self._unlink(one, weakest)

    def _unlink(self, a: int, b: int) -> None:
        self._weights[a].pop(b, None)
        self._weights[b].pop(a, None)
        self._kinds.pop((min(a, b), max(a, b)), None)

    def get(self, a: int, b: int) -> tuple[float, int]:
        """Return weight and kind of a link; 0 and 0 where there is none."""
        weight = self._weights.get(a, {}).get(b, 0.0)
        return weight, self._kinds.get((min(a, b), max(a, b)), 0)

    def drop(self, handle: int) -> None:
        """Remove all links of a memory."""
        for other in list(self._weights.pop(handle, {})):
            self._weights[other].pop(handle, None)
            self._kinds.pop((min(handle, other), max(handle, other)), None)

    def strongest(
        self, handles: list[int], n: int, hidden: Collection[int] = frozenset()
    ) -> list[int]:
        """Return up to `n` neighbours outside of `handles` and `hidden`, strongest link first."""
        best: dict[int, float] = {}
        for handle in handles:
            for other, weight in self._weights.get(handle, {}).items():
                best[other] = max(weight, best.get(other, 0.0))
        known = {*handles, *hidden}
        outside = (other for other in best if other not in known)
        return sorted(outside, key=lambda other: (-best[other], other))[:n]

    def state(self) -> Arrays:
        """Return each link once, ascending by its ends."""
        rows = sorted(self._weights.items())
        found = [(a, b, row[b]) for a, row in rows for b in sorted(row) if a < b]
        return {
            "ends": np.array([(a, b) for a, b, _ in found], np.int64).reshape(-1, 2),
            "weights": np.array([w for _, _, w in found], np.float64),
            "kinds": np.array([self._kinds.get((a, b), 0) for a, b, _ in found], np.int64),
        }

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state."""
        self._weights, self._kinds = {}, {}
        kinds = state.get("kinds", np.zeros(len(state["weights"]), np.int64))
        for (a, b), kind in zip(state["ends"].tolist(), kinds.tolist(), strict=True):
            if kind:
                self._kinds[a, b] = kind
        for (a, b), weight in zip(state["ends"].tolist(), state["weights"].tolist(), strict=True):
            self._weights.setdefault(a, {})[b] = weight
            self._weights.setdefault(b, {})[a] = weight
