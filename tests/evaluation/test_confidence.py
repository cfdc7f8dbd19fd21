from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.evaluation.confidence import abstention, auroc, run_stream, summarise_stream
from engrain.evaluation.datasets import load_dataset


def test_auroc_is_the_chance_that_a_positive_scores_higher() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.4
    pairs = scores[positive][:, None] - scores[~positive]
    assert auroc(scores, positive) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def test_abstention_by_hand() -> None:
    found = abstention(np.array([0.1, 0.2, 0.3, 0.9]), np.array([True, False, True, False]))
    assert found["base_rate"] == 0.5
    assert found["precision_at_recall"][0.5] == 1.0
    assert found["precision_at_recall"][1.0] == pytest.approx(2 / 3)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seeds"), [("mem_locomo_dev", 1), ("ret_cranfield", 2)])
def test_confidence_can_be_trusted(data: Path, name: str, seeds: int) -> None:
    dataset = load_dataset(data / name)
    found = [summarise_stream(run_stream(dataset, seed=seed)) for seed in range(seeds)]
    assert np.sqrt(np.mean([one["ece"] ** 2 for one in found])) <= 0.03
    for one in found:
        assert one["brier"] <= min(one["brier_rate"], one["brier_uncalibrated"])
        if "abstention" in one:
            assert one["abstention"]["precision_at_recall"][0.3] >= 0.5
