"""The ten settings of the learning module, in one frozen record."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from engrain.base.errors import ConfigError


def check_decay(decay: float, tau: float) -> None:
    """Refuse a factor per step that contradicts the time constant by more than 1 %.

    Raises
    ------
    ConfigError
        Names the factor that `tau` asks for.
    """
    wanted = math.exp(-1.0 / tau)
    if abs(decay / wanted - 1.0) > 0.01:
        raise ConfigError(f"decay {decay!r} contradicts tau {tau!r}, whose factor is {wanted:.6g}")


@dataclass(frozen=True, slots=True)
class LearningConfig:
    r"""Settings with the defaults of the learning module.

    Attributes
    ----------
    decay : float
        Factor of eligibility in a step of no stated length, in (0, 1); one constant said twice,
        so it must agree with exp(-1 / tau_trace) to 1 %.
    tau_trace : float
        Time constant of eligibility in seconds, the truth for every stated length of time.
    default_expected : float
        Value expected of an unknown memory, in [0, 1].
    value_learning_rate : float
        Step of expectations toward outcomes, in (0, 1].
    surprise_threshold : float
        Smallest \\|RPE\\| that counts as a surprise, ≥ 0.
    NE_baseline_arousal : float
        Tonic norepinephrine at rest, in [0, 1].
    ACh_baseline : float
        Acetylcholine level at rest, in [0, 1].
    serotonin_baseline_mood : float
        Mood at rest, in [0, 1].
    inhibition_strength : float
        Strength of lateral inhibition, ≥ 0.
    sparsity_target : float
        Share of memories that stay active, in (0, 1].
    """

    decay: float = 0.95
    tau_trace: float = 20.0
    default_expected: float = 0.5
    value_learning_rate: float = 0.1
    surprise_threshold: float = 0.05
    NE_baseline_arousal: float = 0.5
    ACh_baseline: float = 0.5
    serotonin_baseline_mood: float = 0.5
    inhibition_strength: float = 0.5
    sparsity_target: float = 0.2

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ConfigError(f"{field.name}: needs a finite number, got {value!r}")
        unit = (
            "default_expected",
            "NE_baseline_arousal",
            "ACh_baseline",
            "serotonin_baseline_mood",
        )
        for name in unit:
            self._within(name, 0.0, 1.0)
        self._within("decay", 1e-9, 1.0 - 1e-9)
        self._within("value_learning_rate", 1e-9, 1.0)
        self._within("sparsity_target", 1e-9, 1.0)
        self._within("tau_trace", 1e-9, math.inf)
        self._within("surprise_threshold", 0.0, math.inf)
        self._within("inhibition_strength", 0.0, math.inf)
        check_decay(self.decay, self.tau_trace)

    def _within(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not low <= value <= high:
            raise ConfigError(f"{name}: needs a value in [{low:g}, {high:g}], got {value!r}")
