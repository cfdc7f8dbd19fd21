from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, StorageError
from engrain.policy.replay_entry import Inputs, ReplayEntry, decode, encode, from_json, to_json

ids = st.one_of(st.text(max_size=8), st.integers(), st.uuids())


@st.composite
def entries(draw: st.DrawFn) -> ReplayEntry:
    n = draw(st.integers(0, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    vector = rng.standard_normal(draw(st.integers(1, 9)))
    inputs = Inputs(rng.standard_normal(3).astype("f4"), rng.standard_normal(2).astype("f4"), {})
    return ReplayEntry(
        vector,
        draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=n, max_size=n)),
        rng.standard_normal(n),
        draw(st.text(max_size=12)),
        draw(st.floats(0, 1)),
        draw(st.floats(-1, 1)),
        tuple(draw(st.lists(ids, min_size=n, max_size=n))),
        draw(st.sampled_from([None, inputs, inputs._replace(metadata={"hour": 3, "ä": [1.5]})])),
        draw(st.one_of(st.none(), st.floats(0, 1))),
    )


def same(a: ReplayEntry, b: ReplayEntry) -> bool:
    return encode(a) == encode(b)


@given(entry=entries())
def test_bytes_and_json_bring_back_every_field(entry: ReplayEntry) -> None:
    for back in (decode(encode(entry)), from_json(to_json(entry))):
        np.testing.assert_array_equal(back.situation_emb, entry.situation_emb)
        np.testing.assert_array_equal(back.memory_indices, entry.memory_indices)
        np.testing.assert_array_equal(back.memory_scores, entry.memory_scores)
        assert back.strategy_id == entry.strategy_id
        assert (back.confidence, back.reward) == (entry.confidence, entry.reward)
        assert (back.memory_ids, back.propensity) == (entry.memory_ids, entry.propensity)
        assert (back.inputs is None) == (entry.inputs is None)
        assert same(back, entry)


@given(entry=entries(), cut=st.integers(0, 200))
def test_cut_bytes_are_refused(entry: ReplayEntry, cut: int) -> None:
    whole = encode(entry)
    with pytest.raises(StorageError):
        decode(whole[: min(cut, len(whole) - 1)])


def test_ids_keep_their_type() -> None:
    held = ("7", 7, UUID(int=7))
    entry = ReplayEntry(np.ones(2, "f4"), [0, 1, 2], [1, 1, 1], "s", 0.5, 0.0, held)
    assert decode(encode(entry)).memory_ids == held


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"situation_emb": [1.0, np.nan]}, NonFiniteError),
        ({"situation_emb": [[1.0]]}, ShapeError),
        ({"memory_scores": [1.0]}, ShapeError),
        ({"memory_scores": [1.0, np.inf]}, NonFiniteError),
        ({"memory_ids": ("a",)}, ShapeError),
        ({"strategy_id": 3}, TypeError),
        ({"confidence": 1.5}, ConfigError),
        ({"confidence": np.nan}, ConfigError),
        ({"reward": -2.0}, ConfigError),
        ({"propensity": -0.1}, ConfigError),
        ({"inputs": ([1.0], [1.0], 3)}, TypeError),
    ],
)
def test_bad_arguments_are_refused(change: dict[str, Any], error: type[Exception]) -> None:
    good: dict[str, Any] = {
        "situation_emb": [1.0, 0.0],
        "memory_indices": [0, 1],
        "memory_scores": [0.9, 0.1],
        "strategy_id": "quick_answer",
        "confidence": 0.5,
        "reward": 1.0,
    }
    with pytest.raises(error):
        ReplayEntry(**{**good, **change})
