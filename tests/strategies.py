"""Hypothesis strategies shared by the tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from engrain.base.arrays import F32Array

# Around every register width and its remainders.
EXTENTS = (0, 1, 7, 8, 9, 15, 16, 17, 1003)

extents = st.sampled_from(EXTENTS)
seeds = st.integers(0, 2**32 - 1)


def normal(seed: int, *shape: int) -> F32Array:
    """Return standard normal float32 values that depend on the seed alone."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
