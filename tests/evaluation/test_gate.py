from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.evaluation.datasets import Dataset, load_dataset
from engrain.evaluation.gate import held_out, read_cases
from engrain.evaluation.intervals import bootstrap_interval


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("mem_locomo_dev", 0.05), ("ret_cranfield", -0.005)])
def test_the_gate_lifts_the_cosine_on_held_out_questions(
    data: Path, name: str, least: float
) -> None:
    base, gated = held_out(read_cases(load_dataset(data / name)))
    interval = bootstrap_interval(gated - base)
    assert np.mean(gated - base) >= least
    assert interval is not None
    assert interval[0] > -0.005


def test_vectors_are_needed() -> None:
    with pytest.raises(ConfigError, match="vectors"):
        read_cases(Dataset("bare", (), ()))
