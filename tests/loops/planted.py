"""Planted material for the deep loop's tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.loops.archive import Archive
from engrain.loops.material import Change
from engrain.loops.neighbours import unit_bfloat16
from engrain.loops.replay import LoggedQuestion

DAY = 86_400.0
NOW = 2_000 * DAY


def topics(seed: int, n: int, groups: int = 8, dim: int = 48) -> tuple[F32Array, I64Array]:
    """Return unit rows in `groups` topics, and the topic of each."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((groups, dim))
    group = rng.integers(0, groups, n)
    rows = centres[group] + 0.6 * rng.standard_normal((n, dim))
    unit: F32Array = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit, group


class Recorded(Archive):
    """An archive that keeps the changes made to it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.changes: list[Change] = []

    def apply(self, change: Change) -> None:
        self.changes.append(change)
        super().apply(change)


def archive(seed: int = 0, n: int = 400, *, questions: tuple[LoggedQuestion, ...] = ()) -> Recorded:
    """Return memories of eight topics that were used more or less often over a year."""
    rng = np.random.default_rng(seed)
    created = NOW - DAY * rng.uniform(1, 365, n)
    return Recorded(
        unit_bfloat16(topics(seed, n)[0]),
        accesses=rng.poisson(4, n),
        quality=np.where(rng.random(n) < 0.5, rng.random(n), np.nan),
        created=created,
        accessed=created + (NOW - created) * rng.random(n),
        questions=questions,
        clock=lambda: NOW,
    )
