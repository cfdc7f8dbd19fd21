from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engrain.kernels.blocks import pack_block, round_to_half, to_half
from engrain.kernels.simd import LEVELS, set_simd_level

values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def oracle(meta: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    specs = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    header = json.dumps([meta, specs], separators=(",", ":"), ensure_ascii=False).encode()
    out = struct.pack("<I", len(header)) + header
    for part in [b"", *(array.tobytes() for array in arrays.values())]:
        out += part
        out += bytes(-len(out) % 8)
    return out


@given(meta=st.dictionaries(st.text(st.characters(codec="utf-8")), values, max_size=5))
def test_any_header_is_the_json_of_the_standard_library(meta: dict[str, Any]) -> None:
    arrays = {'a é"': np.arange(3, dtype=np.int32)}
    try:
        expected = oracle(meta, arrays)
    except UnicodeEncodeError:  # lone surrogates cannot be written
        return
    assert pack_block(meta, arrays) == expected


def test_arrays_of_every_kind_keep_their_bytes() -> None:
    strided = np.arange(24, dtype=np.float32).reshape(4, 6)[::2, 1::2]
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "empty": np.empty((0, 3), np.float64),
        "scalar": np.array(2.5),
        "strided": strided,
        "text": np.array(["a", "longer"]),
    }
    kinds = ("|b1", "|i1", "|u1", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
    arrays |= {kind: np.ones((3, 1), kind) for kind in kinds}
    assert pack_block({"x": None, "y": 1}, arrays) == oracle({"x": None, "y": 1}, arrays)


@given(
    values=st.lists(st.floats(-60000, 60000, width=32), max_size=70),
    level=st.sampled_from(LEVELS),
)
def test_halves_are_those_of_numpy(values: list[float], level: str) -> None:
    set_simd_level(level)
    try:
        vector = np.array(values, np.float32)
        expected = vector.astype(np.float16)
        assert to_half(vector).tobytes() == expected.tobytes()
        assert round_to_half(vector).tobytes() == expected.astype(np.float32).tobytes()
    finally:
        set_simd_level(LEVELS[-1])
