"""Settings of the background and the deep loop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engrain.base.errors import ConfigError


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
    ewc_lambda: float = 2000.0
    learning_rate: float = 0.01
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


def _check_count(config: Any, name: str) -> None:
    value = getattr(config, name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name}: expected a whole number of at least 1, got {value!r}")


def _check_rate(config: Any, name: str) -> None:
    value = getattr(config, name)
    if not 0.0 < value < math.inf:
        raise ConfigError(f"{name}: expected a finite number above 0, got {value!r}")
