from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ConfigError, NonFiniteError
from engrain.fabric.features import FeatureEncoder, SpectralEncoder


def test_tokens_tell_what_was_seen_and_heard() -> None:
    encoder = SpectralEncoder(visual_size=4, audio_bands=8, context_dim=64)
    assert isinstance(encoder, FeatureEncoder)
    time = np.arange(1600) / 16_000
    low, high = (np.sin(2 * np.pi * f * time) for f in (200, 6000))
    quiet = encoder.encode({"image": np.ones((20, 30)), "audio": low})
    other = encoder.encode({"image": np.eye(24)[..., None].repeat(3, 2), "audio": high})
    assert quiet["visual_tokens"].argmax() == 0
    assert np.abs(quiet["visual_tokens"][1:]).max() < 1e-4
    assert np.abs(other["visual_tokens"][1:]).max() > 0.1
    assert quiet["audio_tokens"].argmax() < other["audio_tokens"].argmax()
    assert quiet["cognitive_context"].shape == (64,)


def test_the_cosine_transform_keeps_the_energy() -> None:
    image = np.random.default_rng(0).random((8, 8))
    tokens = SpectralEncoder(visual_size=8).encode({"image": image})["visual_tokens"]
    assert np.square(tokens).sum() == pytest.approx(np.square(image).sum(), rel=1e-5)


def test_surprise_fades_with_repetition() -> None:
    encoder = SpectralEncoder(visual_size=2, audio_bands=4, context_dim=16, memory=0.5)
    first = encoder.encode({"image": np.ones((4, 4))})["cognitive_context"][8:]
    for _ in range(20):
        last = encoder.encode({"image": np.ones((4, 4))})["cognitive_context"][8:]
    assert np.abs(last[1:]).max() < 0.01 * np.abs(first).max()


def test_bad_input_is_refused() -> None:
    with pytest.raises(NonFiniteError, match="audio"):
        SpectralEncoder().encode({"audio": [np.nan]})
    with pytest.raises(ConfigError):
        SpectralEncoder(visual_size=0)
