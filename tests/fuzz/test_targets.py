from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.reading import Bytes
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150)
@given(data=st.binary(max_size=400))
def test_a_boundary_accepts_or_refuses_any_arrays(name: str, data: bytes) -> None:
    TARGETS[name](Bytes(data))


@pytest.mark.parametrize("name", TARGETS)
def test_a_boundary_withstands_atheris(name: str) -> None:
    pytest.importorskip("atheris")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.fuzz.run", name, "-runs=2000"]
    done = subprocess.run(command, check=False, cwd=root, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
