"""The example of class-incremental learning, on the images that its figures were measured on."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "split_mnist.py"


@pytest.mark.slow
def test_penalty_and_replay_keep_what_naive_training_forgets(data: Path) -> None:
    example = runpy.run_path(str(EXAMPLE))
    x, y = example["images"](str(data / "cl_mnist10k" / "mnist10k.npz"))
    both, forgotten = example["run"](x, y, "EWC + replay", 0)
    naive, _ = example["run"](x, y, "naive", 0)
    assert both > 0.79
    assert forgotten < 0.239
    assert naive < 0.3
