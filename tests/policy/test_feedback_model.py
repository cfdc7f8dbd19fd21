from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import SnapshotError
from engrain.policy.feedback_model import ROWS, FeedbackModel, prior_logits, shipped_model
from engrain.policy.feedback_text import KINDS
from tests.strategies import normal


def test_the_prior_grows_with_each_phrase_and_stays_bounded() -> None:
    positive = [prior_logits({"positive": n})[0] for n in range(8)]
    assert positive == sorted(positive)
    assert positive[-1] < positive[0] + 8.0
    assert prior_logits({"judgement": 3}) == prior_logits({})


def test_probabilities_are_the_logistic_of_prior_and_weights() -> None:
    weights, bias = normal(3, 1, len(KINDS)), np.array([0.5, 0.0, -0.5, 1.0])
    model = FeedbackModel(weights, bias, 0.5)
    features = model.features("so be it")
    from engrain.kernels import hash_grams

    count = len(hash_grams(features.words, features.classes, features.context))
    logits = 0.5 * np.array(prior_logits(features.cues)) + bias + weights[0] * np.sqrt(count)
    got = [model.score("so be it").probability[kind] for kind in KINDS]
    np.testing.assert_allclose(got, 1 / (1 + np.exp(-logits)), rtol=1e-6)


def test_weights_survive_saving_within_half_a_step(tmp_path: Path) -> None:
    weights = np.zeros((ROWS, len(KINDS)), np.float32)
    weights[::4096] = normal(1, ROWS // 4096, len(KINDS))
    model = FeedbackModel(weights, np.arange(4.0), 0.0)
    size = model.save(tmp_path / "weights")
    again = FeedbackModel.from_bytes((tmp_path / "weights").read_bytes())
    step = np.abs(weights).max(axis=0) / 127
    assert np.all(np.abs(again.weights - weights) <= step / 2 + 1e-6)
    assert again.bias.tolist() == model.bias.tolist()
    assert again.trust == 0.0
    assert size < 4096


def test_damaged_weights_are_refused() -> None:
    with pytest.raises(SnapshotError):
        FeedbackModel.from_bytes(b"no tensors")


def test_the_weights_that_ship_are_small_and_finite() -> None:
    model = shipped_model()
    assert np.isfinite(model.weights).all()
    assert 1000 < np.count_nonzero(model.weights.any(axis=1)) < ROWS // 2
