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
        Walks per full run; an incremental one takes its share of them.
    dream_length : int
        Steps of each walk.
    creativity_temperature : float
        Above 0; 1 follows the edges' weights, more flattens them.
    dream_novelty, dream_coherence : float
        A dream of no more of either proposes nothing.
    neighbours : int
        Nearest memories that the graph keeps of each.
    high_value_accesses : int
    high_value_quality : float
        Memories used more often and better than this are strengthened.
    strengthen_cosine : float
    fade_accesses : int
        Memories used less often than this may fade.
    fade_days : float
        Age from which they do.
    analogy_confidence : float
    merge_cosine : float
        From this cosine on memories may be duplicates.
    links_kept : int
        A link is weak where it is not among so many heaviest of either end,
    weak_share : float
        or weighs less than this share of the heaviest one there.
    tolerance : float
        Loss of nDCG@10 or recall@10 on logged questions from which a phase is undone.
    seed : int
    """

    num_dreams: int = 50
    dream_length: int = 10
    creativity_temperature: float = 1.0
    dream_novelty: float = 0.5
    dream_coherence: float = 0.3
    neighbours: int = 16
    high_value_accesses: int = 5
    high_value_quality: float = 0.7
    strengthen_cosine: float = 0.7
    fade_accesses: int = 2
    fade_days: float = 30.0
    analogy_confidence: float = 0.6
    merge_cosine: float = 0.95
    links_kept: int = 16
    weak_share: float = 0.01
    tolerance: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("num_dreams", "dream_length", "neighbours", "links_kept"):
            _check_count(self, name)
        _check_rate(self, "creativity_temperature")
        for name in (
            "dream_novelty",
            "dream_coherence",
            "high_value_quality",
            "strengthen_cosine",
            "analogy_confidence",
            "merge_cosine",
            "weak_share",
            "tolerance",
        ):
            _check_share(self, name)
        for name in ("high_value_accesses", "fade_accesses", "fade_days", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name}: expected at least 0, got {getattr(self, name)!r}")


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


def _check_share(config: Any, name: str) -> None:
    value = getattr(config, name)
    if not 0.0 <= value <= 1.0:
        raise ConfigError(f"{name}: expected a share in [0, 1], got {value!r}")
