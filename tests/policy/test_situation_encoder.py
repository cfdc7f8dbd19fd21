from __future__ import annotations

import pytest
import torch

from engrain.base.errors import ConfigError, ShapeError
from engrain.policy.situation_encoder import SituationEncoder, metadata_features
from tests.policy.small import last
from tests.strategies import normal


def test_an_untrained_encoder_returns_the_message() -> None:
    encoder = SituationEncoder(24, 24, 32)
    message = torch.nn.functional.normalize(torch.from_numpy(normal(0, 24)), dim=0)
    situation = encoder.encode_situation(message, normal(1, 24), {"hour_of_day": 3})
    assert torch.equal(situation, torch.nn.functional.normalize(message, dim=0))


def test_inference_is_pure_even_while_training() -> None:
    encoder = SituationEncoder(24, 16, 32)
    torch.nn.init.normal_(last(encoder.body).weight, generator=torch.Generator().manual_seed(0))
    first = encoder.encode_situation(normal(0, 24))
    encoder.train()
    assert torch.equal(encoder.encode_situation(normal(0, 24)), first)
    assert encoder.training
    assert not first.requires_grad
    assert float(first.norm()) == pytest.approx(1.0, abs=1e-6)


def test_equal_seeds_start_equal() -> None:
    one, two, other = (SituationEncoder(24, 24, 32, seed=s).state_dict() for s in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["body.0.weight"], other["body.0.weight"])


def test_hours_and_weekdays_lie_on_circles() -> None:
    late, early = metadata_features({"hour_of_day": 23.9}), metadata_features({"hour_of_day": 0.1})
    assert max(abs(a - b) for a, b in zip(late, early, strict=True)) < 0.06
    assert metadata_features({}) == [0.0] * 8
    assert metadata_features({"conversation_length": 999})[4] == 1.0


def test_texts_are_encoded_to_unit_vectors() -> None:
    encoder = SituationEncoder()
    vector = encoder.encode("How do I deploy?")
    assert vector.shape == (384,)
    assert float(vector.norm()) == pytest.approx(1.0, abs=1e-5)


def test_wrong_widths_are_refused() -> None:
    encoder = SituationEncoder(24, 24, 32)
    with pytest.raises(ShapeError, match="message_emb"):
        encoder.encode_situation(normal(0, 23))
    with pytest.raises(ConfigError, match="embedder"):
        SituationEncoder(24, embedder="hashed-25")
