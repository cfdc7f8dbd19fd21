"""From raw senses to tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import ConfigError, NonFiniteError


@runtime_checkable
class FeatureEncoder(Protocol):
    """Turns raw input into ``visual_tokens``, ``audio_tokens`` and ``cognitive_context``."""

    def encode(self, raw_sensory_input: Mapping[str, Any]) -> dict[str, F32Array]:
        """Return the three arrays, each one-dimensional."""


class SpectralEncoder:
    """Low spatial frequencies of images, band energies of sound, and their running mean.

    Parameters
    ----------
    visual_size : int
        Coefficients per axis of the two-dimensional cosine transform (DCT-II; Ahmed, Natarajan and
        Rao, IEEE Trans. Comput. C-23 (1974) 90-93).
    audio_bands : int
        Bands of equal width on the mel scale, as the logarithm of their energy.
    sample_rate : float
        Hz.
    memory : float
        Share of the past in the running mean, in [0, 1).
    context_dim : int
        Length of the cognitive context: running mean and surprise, resampled.
    """

    def __init__(
        self,
        visual_size: int = 16,
        audio_bands: int = 32,
        sample_rate: float = 16_000.0,
        memory: float = 0.95,
        context_dim: int = 512,
    ) -> None:
        if min(visual_size, audio_bands, context_dim) < 1 or not 0 <= memory < 1:
            raise ConfigError("sizes must be >= 1 and memory in [0, 1)")
        self.visual_size, self.audio_bands = visual_size, audio_bands
        self.sample_rate, self.memory, self.context_dim = sample_rate, memory, context_dim
        self._mean: F64Array = np.zeros(visual_size**2 + audio_bands)

    def encode(self, raw_sensory_input: Mapping[str, Any]) -> dict[str, F32Array]:
        """Encode ``image`` (height, width[, channels]) and ``audio`` (samples,); either may lack.

        Raises
        ------
        NonFiniteError
            NaN or an infinity in either.
        """
        visual = self._image(_finite(raw_sensory_input.get("image"), "image"))
        audio = self._sound(_finite(raw_sensory_input.get("audio"), "audio"))
        now = np.concatenate([visual, audio])
        surprise = now - self._mean
        self._mean = self.memory * self._mean + (1 - self.memory) * now
        context = resample(np.concatenate([self._mean, surprise]), self.context_dim)
        return {
            "visual_tokens": visual.astype(np.float32),
            "audio_tokens": audio.astype(np.float32),
            "cognitive_context": context.astype(np.float32),
        }

    def _image(self, image: F64Array | None) -> F64Array:
        if image is None:
            return np.zeros(self.visual_size**2)
        grey = image.mean(-1) if image.ndim == 3 else image
        rows, columns = (_cosines(self.visual_size, n) for n in grey.shape)
        return np.asarray((rows @ grey @ columns.T).ravel())

    def _sound(self, sound: F64Array | None) -> F64Array:
        if sound is None or sound.size < 2:
            return np.zeros(self.audio_bands)
        power = np.abs(np.fft.rfft(sound * np.hanning(sound.size))) ** 2
        top = 2595 * math.log10(1 + self.sample_rate / 2 / 700)
        edges = 700 * (10 ** (np.linspace(0, top, self.audio_bands + 1) / 2595) - 1)
        band = np.digitize(np.fft.rfftfreq(sound.size, 1 / self.sample_rate), edges[1:-1])
        return np.asarray(np.log1p(np.bincount(band, power, minlength=self.audio_bands)))


def resample(values: F64Array, length: int) -> F64Array:
    """Return `values` linearly interpolated to `length` entries."""
    places = np.linspace(0, len(values) - 1, length)
    return np.asarray(np.interp(places, np.arange(len(values)), values))


def _cosines(count: int, length: int) -> F64Array:
    """Return the first rows of the orthonormal DCT-II, zero beyond the length of the input."""
    k, n = np.arange(count)[:, None], np.arange(length)
    rows = math.sqrt(2 / length) * np.cos(np.pi * k * (2 * n + 1) / (2 * length))
    rows[0] /= math.sqrt(2)
    return np.asarray(np.where(k < length, rows, 0.0))


def _finite(value: Any, name: str) -> F64Array | None:
    if value is None:
        return None
    array = np.asarray(value, dtype=np.float64)
    if not np.isfinite(array).all():
        raise NonFiniteError(f"{name}: contains NaN or infinity")
    return array
