"""What a request tells the loops: the records that travel from one loop to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError

INFORMATIVE_QUALITY = 0.1
INFORMATIVE_LATENCY = 1.2


class EdgeType(IntEnum):
    """What an edge of the memory graph stands for; the value is the kind that `EdgeTable` keeps."""

    Associative = 0
    Creative = 1
    Analogy = 2


@dataclass(frozen=True, slots=True)
class EdgeUpdate:
    """A step of one edge's weight toward 1 or toward 0.

    Attributes
    ----------
    rate : float
        Share of the remaining way that the step takes, in (0, 1].
    goal : float
        1 to strengthen, 0 to weaken. Steps with soft bounds (Oja 1982; van Rossum 2000) replace
        plain percentages, which grow without bound: 1.05^300 is above 2 million.
    """

    rate: float
    goal: float

    def __post_init__(self) -> None:
        if not 0.0 < self.rate <= 1.0:
            raise ConfigError(f"rate: expected a number in (0, 1], got {self.rate!r}")

    @classmethod
    def Strengthen(cls, rate: float) -> EdgeUpdate:  # noqa: N802
        """Return ``w + rate (1 - w)`` as an update."""
        return cls(rate, 1.0)

    @classmethod
    def Weaken(cls, rate: float) -> EdgeUpdate:  # noqa: N802
        """Return ``w - rate w`` as an update."""
        return cls(rate, 0.0)

    def apply(self, weight: float) -> float:
        """Return the weight after the step."""
        return weight + self.rate * (self.goal - weight)


@dataclass(frozen=True, slots=True, eq=False)
class QueryEmbedding:
    """A question as the loops see it.

    Attributes
    ----------
    vector : ndarray of float32, shape (dim,)
    anchor_node : int
        Node from which Hebbian edges start: the best memory recalled, or the conversation's node.
    """

    vector: F32Array
    anchor_node: int


@dataclass(frozen=True, slots=True)
class ResponseData:
    """What became of the memories that a request was shown.

    Attributes
    ----------
    used_memory_ids, retrieved_but_unused : tuple of int
    estimated_precision, estimated_recall, quality_score : float
        In [0, 1].
    target_latency_ms : float
        Above 0.
    model_tier : int
        The model that answered.
    context_tokens : int
    """

    used_memory_ids: tuple[int, ...] = ()
    retrieved_but_unused: tuple[int, ...] = ()
    estimated_precision: float = 0.0
    estimated_recall: float = 0.0
    quality_score: float = 0.5
    target_latency_ms: float = 1000.0
    model_tier: int = 0
    context_tokens: int = 0

    def __post_init__(self) -> None:
        for name in ("estimated_precision", "estimated_recall", "quality_score"):
            _check_share(name, getattr(self, name))
        if not 0.0 < self.target_latency_ms < math.inf:
            raise ConfigError(
                f"target_latency_ms: expected milliseconds above 0, got {self.target_latency_ms!r}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class QueryTrajectory:
    """One recall as the trajectory ring keeps it.

    Attributes
    ----------
    query_embedding : ndarray of float32, shape (dim,)
    retrieved_ids : tuple of int
        The memories that were used.
    precision, recall : float
    timestamp : float
        Seconds since the epoch, from the injected clock.
    """

    query_embedding: F32Array
    retrieved_ids: tuple[int, ...]
    precision: float
    recall: float
    timestamp: float

    @classmethod
    def of(cls, query: QueryEmbedding, response: ResponseData, now: float) -> QueryTrajectory:
        """Return the trajectory of one request."""
        return cls(
            query.vector,
            response.used_memory_ids,
            response.estimated_precision,
            response.estimated_recall,
            now,
        )


@dataclass(frozen=True, slots=True, eq=False)
class RouterSample:
    """What one signal teaches the router.

    Attributes
    ----------
    features : ndarray of float32, shape (dim,)
    action : int
        The model that answered.
    outcome : float
        In [0, 1].
    cost : float
        What the answer cost, in units of the target latency.
    """

    features: F32Array
    action: int
    outcome: float
    cost: float


@dataclass(frozen=True, slots=True, eq=False)
class LearningSignal:
    """What Loop A hands to Loop B about one request.

    Attributes
    ----------
    query_embedding : ndarray of float32, shape (dim,)
    quality_score : float
        In [0, 1].
    explicit_feedback : float or None
        What a person said, in [0, 1]; it stands above the estimate.
    latency_ratio : float
        Latency over its target, at least 0.
    model_tier, context_tokens : int
    """

    query_embedding: F32Array
    quality_score: float
    explicit_feedback: float | None = None
    latency_ratio: float = 1.0
    model_tier: int = 0
    context_tokens: int = 0

    def __post_init__(self) -> None:
        _check_share("quality_score", self.quality_score)
        if self.explicit_feedback is not None:
            _check_share("explicit_feedback", self.explicit_feedback)
        if not 0.0 <= self.latency_ratio < math.inf:
            raise ConfigError(
                f"latency_ratio: expected a finite number of at least 0, got {self.latency_ratio!r}"
            )

    @classmethod
    def of(
        cls,
        query: QueryEmbedding,
        response: ResponseData,
        latency_ms: float,
        explicit_feedback: float | None = None,
    ) -> LearningSignal:
        """Return the signal of one request."""
        return cls(
            query.vector,
            response.quality_score,
            explicit_feedback,
            latency_ms / response.target_latency_ms,
            response.model_tier,
            response.context_tokens,
        )

    @property
    def informative(self) -> bool:
        """Whether the quality is far from a coin's, or the answer was late."""
        surprising = abs(self.quality_score - 0.5) > INFORMATIVE_QUALITY
        return surprising or self.latency_ratio > INFORMATIVE_LATENCY

    def to_router_sample(self) -> RouterSample:
        """Return the router's lesson: which model answered, how well and at what cost."""
        told = self.explicit_feedback
        outcome = self.quality_score if told is None else told
        return RouterSample(self.query_embedding, self.model_tier, outcome, self.latency_ratio)


def _check_share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ConfigError(f"{name}: expected a number in [0, 1], got {value!r}")
