"""The fused learning step of one request, and its parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite

from engrain._loop import InstantLearningLoop, LoopTrace
from engrain.base.errors import ConfigError
from engrain.kernels.modulators import ModulatorRule
from engrain.kernels.traces import TraceRule
from engrain.kernels.value import TdRule

__all__ = ["InstantLearningLoop", "LoopRule", "LoopTrace"]


@dataclass(frozen=True, slots=True)
class LoopRule:
    """How one request teaches.

    Attributes
    ----------
    traces : TraceRule
    values : TdRule
    modulators : ModulatorRule
    rank : int
        Of the adapter of queries, in [1, 64].
    adapter_rate : float
        Step of the adapter, relative to the output; times the advantage.
    reconsolidation_rate : float
        Turn of a memory toward the query per unit of its signal, in [0, 1].
    max_tangent : float
        Tangent of the largest angle of one turn.
    latency_penalty : float
        ``reward = quality - latency_penalty * max(0, latency_ratio - 1)``.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    traces: TraceRule = field(
        default_factory=lambda: TraceRule(tau_fast=5.0, tau_slow=60.0, mix=0.7)
    )
    values: TdRule = field(default_factory=TdRule)
    modulators: ModulatorRule = field(default_factory=ModulatorRule)
    rank: int = 2
    adapter_rate: float = 0.1
    reconsolidation_rate: float = 0.01
    max_tangent: float = 0.1
    latency_penalty: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= 64:
            raise ConfigError(f"rank: must be in [1, 64], got {self.rank}")
        if not 0 <= self.reconsolidation_rate <= 1:
            raise ConfigError(
                f"reconsolidation_rate: must be in [0, 1], got {self.reconsolidation_rate}"
            )
        for name in ("adapter_rate", "max_tangent"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ConfigError(f"{name}: must be above 0, got {getattr(self, name)}")
        if not (isfinite(self.latency_penalty) and self.latency_penalty >= 0):
            raise ConfigError(f"latency_penalty: must be 0 or above, got {self.latency_penalty}")
