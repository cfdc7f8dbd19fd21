"""Signals for tests of the background loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import I64Array
from engrain.loops import SignalBatch


def planted(seed: int, n: int, dim: int, models: int = 3, topics: int = 4) -> SignalBatch:
    """Return signals of some topics, each with a direction of its own and a model that is right."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(12345)
    centres = np.linalg.qr(fixed.standard_normal((dim, 2 * topics)))[0].T
    topic = rng.integers(0, topics, n)
    queries = centres[topic] + 0.2 / np.sqrt(dim) * rng.standard_normal((n, dim))
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    asked = rng.integers(0, models, n)
    return SignalBatch(
        queries.astype(np.float32),
        centres[topics + topic].astype(np.float32),
        np.where(asked == topic % models, 0.9, 0.4).astype(np.float32),
        np.ones(n, np.float32),
        asked,
    )


class ListSource:
    """A source that gives out what tests put into it."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.waiting: list[SignalBatch] = []
        self.touched: list[int] = []
        self.share = 0.0

    def drain(self) -> tuple[SignalBatch, I64Array]:
        batch = SignalBatch.joined([SignalBatch.empty(self.dim), *self.waiting])
        touched = np.array(self.touched, np.int64)
        self.waiting, self.touched = [], []
        return batch, touched

    def fill(self) -> float:
        return self.share

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return {}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Nothing to go on from."""
