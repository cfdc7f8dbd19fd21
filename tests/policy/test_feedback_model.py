from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import SnapshotError
from engrain.policy.feedback_model import FeedbackModel, prior_logits, shipped_model
from engrain.policy.feedback_text import KINDS
from tests.strategies import normal


def test_the_prior_grows_with_each_phrase_and_stays_bounded() -> None:
    positive = [prior_logits({"positive": n})[0] for n in range(8)]
    assert positive == sorted(positive)
    assert positive[-1] < positive[0] + 8.0
    assert prior_logits({"judgement": 3}) == prior_logits({})


def test_probabilities_are_the_logistic_of_prior_and_weights() -> None:
    codes, step = np.array([[3, -50, 127, 0]], np.int8), np.array([0.1, 0.01, 0.01, 1.0])
    bias = np.array([0.5, 0.0, -0.5, 1.0])
    model = FeedbackModel(codes, step, bias, 0.5)
    hashes, cues = model.features("so be it")
    count = len(hashes)
    logits = 0.5 * np.array(prior_logits(cues)) + bias + step * codes[0] * np.sqrt(count)
    got = model.score("so be it").probabilities
    np.testing.assert_allclose(got, 1 / (1 + np.exp(-logits)), rtol=1e-6)


def test_weights_survive_saving_within_half_a_step(tmp_path: Path) -> None:
    weights = np.zeros((1 << 12, len(KINDS)))
    weights[::64] = normal(1, 64, len(KINDS))
    model = FeedbackModel.from_weights(weights, np.arange(4.0), 0.0)
    size = model.save(tmp_path / "weights")
    again = FeedbackModel.from_bytes((tmp_path / "weights").read_bytes())
    step = np.abs(weights).max(axis=0) / 127
    assert np.all(np.abs(again.codes * again.step - weights) <= step / 2 + 1e-6)
    assert again.codes.tobytes() == model.codes.tobytes()
    assert (again.bias.tolist(), again.trust) == ([0.0, 1.0, 2.0, 3.0], 0.0)
    assert size < 2048


def test_damaged_weights_are_refused() -> None:
    with pytest.raises(SnapshotError):
        FeedbackModel.from_bytes(b"no tensors")


def test_the_weights_that_ship_are_small() -> None:
    codes = shipped_model().codes
    assert codes.nbytes <= 1 << 20
    assert 1000 < np.count_nonzero(codes.any(axis=1)) < len(codes) // 2
