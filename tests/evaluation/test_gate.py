from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.evaluation.datasets import Dataset, load_dataset
from engrain.evaluation.gate import held_out, read_cases, teach
from engrain.evaluation.intervals import bootstrap_interval
from engrain.policy.gate import InlineGate
from engrain.policy.guarded_gate import GuardedGate
from tests.policy.test_guarded_gate import corrupt


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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mem_locomo_dev", "ret_cranfield"])
@pytest.mark.parametrize("kind", ["flipped", "noise", "huge"])
@pytest.mark.parametrize("seed", range(3))
def test_a_corrupted_gate_is_reverted_within_100_interactions(
    data: Path, name: str, kind: str, seed: int
) -> None:
    cases = read_cases(load_dataset(data / name))
    order = np.random.default_rng(seed).permutation(len(cases))[:200].tolist()
    guarded = GuardedGate(InlineGate(len(cases[0].situation)))
    for at in order[:100]:
        teach(guarded, cases[at])
    corrupt(guarded.gate, kind)
    before = guarded.reverted
    for at in order[100:]:
        teach(guarded, cases[at])
    assert guarded.reverted > before
    assert guarded.gate.distance <= guarded.gate.radius * 1.001


def test_vectors_are_needed() -> None:
    with pytest.raises(ConfigError, match="vectors"):
        read_cases(Dataset("bare", (), ()))
