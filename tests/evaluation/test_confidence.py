from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.evaluation.confidence import abstention, auroc, summarise_stream
from engrain.evaluation.confidence_stream import Stream, pooled, run_stream
from engrain.evaluation.datasets import load_dataset
from engrain.policy.calibration_measures import calibration_error


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


def by_chance(stream: Stream) -> float:
    """Return the error that calibrated probabilities exceed by chance once in twenty."""
    rng, p, asked = np.random.default_rng(0), stream.confidence, stream.question
    drawn = rng.random((200, int(asked.max()) + 1))[:, asked] < p
    return float(np.quantile([calibration_error(p, y, groups=asked) for y in drawn], 0.95))


@pytest.mark.slow
@pytest.mark.parametrize("drift", [False, True])
@pytest.mark.parametrize(("name", "seeds"), [("mem_locomo_dev", 1), ("ret_cranfield", 5)])
def test_confidence_can_be_trusted(data: Path, name: str, seeds: int, drift: bool) -> None:
    dataset = load_dataset(data / name)
    streams = [run_stream(dataset, seed=seed, drift=drift) for seed in range(seeds)]
    found = summarise_stream(pooled(streams))
    assert found["ece"] <= max(0.03, by_chance(pooled(streams)))
    assert found["brier"] <= min(found["brier_rate"], found["brier_uncalibrated"])
    if not drift and "abstention" in found:
        assert found["abstention"]["precision_at_recall"][0.3] >= 0.5
