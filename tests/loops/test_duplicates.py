from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError
from engrain.loops.duplicates import near_duplicates
from engrain.loops.neighbours import NeighbourIndex, unit_bfloat16
from tests.loops.planted import topics


def pairs_of(rows: F32Array, least: float) -> tuple[I64Array, I64Array, F32Array]:
    graph = NeighbourIndex.build(rows).graph(min(8, len(rows) - 1))
    return graph.near_pairs(np.arange(len(rows)), least)


def merges(
    rows: F32Array, cosine: float = 0.95, text: Callable[[int], str] | None = None
) -> list[list[int]]:
    pairs, worth = pairs_of(rows, cosine), np.ones(len(rows))
    found = near_duplicates(pairs, unit_bfloat16(rows), worth, text=text, cosine=cosine)
    listed: list[list[int]] = found.tolist()
    return listed


def on_circle(*degrees: float) -> F32Array:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_planted_duplicates_are_found_and_nothing_else() -> None:
    rows, _ = topics(1, 300)
    noise = np.random.default_rng(2).standard_normal((20, rows.shape[1])).astype(np.float32)
    rows = np.concatenate([rows, rows[:20] + 0.005 * noise])
    assert merges(rows) == [[i, 300 + i] for i in range(20)]


def test_chains_do_not_form() -> None:
    # cos 15 degrees = .966, cos 30 degrees = .866: neighbours are near, the ends are not
    assert merges(on_circle(0, 15, 30, 45)) == [[0, 1], [2, 3]]


def test_the_worthier_one_stays() -> None:
    rows = on_circle(0, 1, 90)
    worth = np.array([1.0, 2.0, 1.0])
    found = near_duplicates(pairs_of(rows, 0.95), unit_bfloat16(rows), worth)
    assert found.tolist() == [[1, 0]]


def test_texts_guard_merges_within_whole_groups() -> None:
    rows = on_circle(0, 1, 2)
    texts = ["it took 3 days", "it took 3 days!", "it took 4 days"]
    assert merges(rows, text=texts.__getitem__) == [[0, 1]]


def test_bad_thresholds_are_refused() -> None:
    with pytest.raises(ConfigError, match="cosine"):
        merges(on_circle(0, 1, 2), 1.5)
