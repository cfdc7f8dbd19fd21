from __future__ import annotations

import numpy as np
import torch

from engrain.policy.confidence_estimator import ConfidenceEstimator, score_features
from tests.policy.small import last
from tests.strategies import normal


def test_before_feedback_it_says_one_half() -> None:
    estimator = ConfidenceEstimator()
    assert estimator.estimate(normal(0, 384)) == 0.5
    assert estimator.estimate(normal(0, 384), [0.9, 0.2]) == 0.5


def test_estimates_are_pure_and_bounded() -> None:
    estimator = ConfidenceEstimator(8, 16)
    last(estimator.net).bias.data[0] = 50.0
    estimator.train()
    assert {estimator.estimate(normal(0, 8), [0.4]) for _ in range(5)} == {0.99}


def test_features_of_scores_ignore_padding() -> None:
    scores = torch.tensor([[0.9, 0.1, 7.0], [1.0, 1.0, 1.0]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    found = score_features(scores, mask)
    np.testing.assert_allclose(found[0].numpy(), [0.9, 0.5, 0.4, 0.2], atol=1e-5)
    np.testing.assert_allclose(found[1].numpy(), [0, 0, 0, 0], atol=2e-6)
    np.testing.assert_allclose(score_features(torch.zeros(0)).numpy(), np.zeros(4), atol=2e-6)
