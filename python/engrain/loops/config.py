"""Settings of the background and the deep loop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engrain.base.errors import ConfigError
from engrain.loops.schedule import WeeklySchedule

MAX_RANK = 64


@dataclass(frozen=True, slots=True)
class BackgroundLearningConfig:
    """Settings of Loop B.

    Attributes
    ----------
    min_samples : int
        A cycle with fewer signals keeps them for the next one.
    batch_size : int
        Samples per step of the router.
    ewc_lambda : float
        Strength of the elastic penalty, at least 0.
    learning_rate : float
        Step of the router, above 0.
    num_clusters : int
        Patterns sought per cycle.
    fisher_samples : int
        Samples of the Fisher information, drawn at random.
    checkpoint_dir : Path
    """

    min_samples: int = 10
    batch_size: int = 64
    ewc_lambda: float = 1.0
    learning_rate: float = 1.0
    num_clusters: int = 100
    fisher_samples: int = 1000
    checkpoint_dir: Path = Path("checkpoints")

    def __post_init__(self) -> None:
        for name in ("min_samples", "batch_size", "num_clusters", "fisher_samples"):
            _check_count(self, name)
        _check_rate(self, "learning_rate")
        if not 0.0 <= self.ewc_lambda < math.inf:
            raise ConfigError(
                f"ewc_lambda: expected a finite number of at least 0, got {self.ewc_lambda!r}"
            )
        object.__setattr__(self, "checkpoint_dir", Path(self.checkpoint_dir))


@dataclass(frozen=True, slots=True)
class DeepLearningConfig:
    """Settings of Loop C.

    Attributes
    ----------
    num_dreams : int
        Walks per run.
    dream_length : int
        Steps of each walk.
    creativity_temperature : float
        Above 0; 1 follows the edges' weights, more flattens them.
    """

    num_dreams: int = 50
    dream_length: int = 10
    creativity_temperature: float = 1.0

    def __post_init__(self) -> None:
        _check_count(self, "num_dreams")
        _check_count(self, "dream_length")
        _check_rate(self, "creativity_temperature")


@dataclass(frozen=True, slots=True)
class SONAConfig:
    """Sizes and settings of the three loops of one tenant.

    Attributes
    ----------
    dim : int
        Width of query vectors.
    models : int
        Language models that the router chooses among.
    hidden : int
        Units of the router.
    micro_rank, base_rank : int
        Ranks of the adapters; the base's is the most it grows to.
    interval : float
        Seconds between two runs of Loop B.
    schedule : str
        When Loop C runs, in UTC.
    signals : int
        Capacity of the queue from Loop A to Loop B.
    touched : int
        Capacity of the queue from Loop B to Loop C.
    replay : int
        Signals kept for replay.
    lateness : float
        What each unit of latency above its target takes from an outcome.
    seed : int
    background : BackgroundLearningConfig
    deep : DeepLearningConfig
    """

    dim: int = 384
    models: int = 1
    hidden: int = 32
    micro_rank: int = 2
    base_rank: int = 16
    interval: float = 3600.0
    schedule: str = "3 AM Sunday"
    signals: int = 10_000
    touched: int = 1_000
    replay: int = 2048
    lateness: float = 0.0
    seed: int = 0
    background: BackgroundLearningConfig = field(default_factory=BackgroundLearningConfig)
    deep: DeepLearningConfig = field(default_factory=DeepLearningConfig)

    def __post_init__(self) -> None:
        for name in ("dim", "models", "hidden", "signals", "touched", "replay"):
            _check_count(self, name)
        for name in ("micro_rank", "base_rank"):
            _check_count(self, name)
            if getattr(self, name) > MAX_RANK:
                raise ConfigError(f"{name}: expected at most {MAX_RANK}, got {getattr(self, name)}")
        _check_rate(self, "interval")
        WeeklySchedule.parse(self.schedule)


def _check_count(config: Any, name: str) -> None:
    value = getattr(config, name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name}: expected a whole number of at least 1, got {value!r}")


def _check_rate(config: Any, name: str) -> None:
    value = getattr(config, name)
    if not 0.0 < value < math.inf:
        raise ConfigError(f"{name}: expected a finite number above 0, got {value!r}")
