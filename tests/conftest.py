from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from engrain.kernels.simd import LEVELS, set_simd_level, simd_level

# Machines that run the tests are shared: a slow example is no failure.
settings.register_profile("engrain", deadline=None)
settings.load_profile("engrain")


@pytest.fixture(params=LEVELS)
def simd(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once at every SIMD level the CPU has."""
    before = simd_level()
    used = set_simd_level(request.param)
    if used != request.param:
        pytest.skip(f"this CPU has no {request.param}")
    yield used
    set_simd_level(before)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread: runs are equal, and small tensors do not wait for others."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of the evaluation data; skips where there is none."""
    folder = os.environ.get("ENGRAIN_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ENGRAIN_DATA names no folder of evaluation data")
    return Path(folder)
