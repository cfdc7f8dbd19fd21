"""Loop A: what learns inline from each request, in one compiled call."""

from __future__ import annotations

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import ConfigError, ShapeError
from engrain.kernels import loop
from engrain.kernels.loop import LoopRule
from engrain.loops.signals import QueryEmbedding, ResponseData
from engrain.memory.evidence import Evidence
from engrain.memory.ledger import Ledger
from engrain.memory.ranking import RankingModel

COSINE = "s:cos"


class InstantLearningLoop(loop.InstantLearningLoop):
    """The fused learning loop over vectors of your own, with a ranking of one column: the cosine.

    `on_request` takes what the loops exchange; for rows of more columns, and for outcomes that come
    later, `engrain.kernels.InstantLearningLoop` has `observe` and `learn`, which are what
    `engrain.Memory` uses.

    Parameters
    ----------
    memories : ndarray of float32, shape (n, dim), writeable
        Unit vector of each memory; what is used turns toward its questions, in place.
    rule : LoopRule
    clock : callable
        Returns seconds.
    buffer : int
        Capacity of the trajectory ring and the signal queue.
    max_edges : int

    Raises
    ------
    ConfigError, TypeError, ShapeError
        `memories` has no rows, or another dtype or layout.

    Notes
    -----
    The specification joins three updates in parallel tasks and leaves the adapter's gradient open.
    Here they are one call in a fixed order; the adapter descends the exact gradient of a loss that
    draws the question to what was used, times the advantage of the answer.
    """

    def __init__(
        self,
        memories: F32Array,
        *,
        rule: LoopRule | None = None,
        clock: Clock = wall_clock,
        buffer: int = 4096,
        max_edges: int = 1 << 20,
    ) -> None:
        if memories.ndim != 2 or not memories.size:
            raise ShapeError(f"memories: expected shape (n, dim), not empty, got {memories.shape}")
        super().__init__(
            memories.shape[1],
            _ranking(evidence=True),
            _ranking(evidence=False),
            Ledger((COSINE,), ("static",)),
            Evidence(memories.shape[1]),
            rule or LoopRule(),
            memories=memories,
            buffer=buffer,
            max_edges=max_edges,
        )
        self.clock, self._rows = clock, memories

    def on_request(self, query: QueryEmbedding, response: ResponseData, latency_ms: float) -> float:
        """Learn all that one answered request teaches; return its mean prediction error.

        Raises
        ------
        TypeError, ValueError
            Bad input; nothing was changed.
        """
        if not 0.0 <= latency_ms < np.inf:
            raise ConfigError(
                f"latency_ms: expected milliseconds of at least 0, got {latency_ms!r}"
            )
        shown, outcomes = _told(response)
        now, rows = self.clock(), self._cosines(query.vector, shown)
        trace = self.observe(query.vector, shown, rows, now, anchor=query.anchor_node)
        return self.learn(
            trace,
            outcomes,
            now,
            quality=response.quality_score,
            latency_ratio=latency_ms / response.target_latency_ms,
            model_tier=response.model_tier,
            context_tokens=response.context_tokens,
            recall=response.estimated_recall,
        )

    def record_trajectory(self, query: QueryEmbedding, response: ResponseData) -> int:
        """Record a request without learning from it; return the trajectory's number."""
        shown, _ = _told(response)
        facts = response.estimated_precision, response.estimated_recall
        return self.trajectories.push(query.vector, shown, self.clock(), *facts)

    def update_memory_edges(self, query: QueryEmbedding, response: ResponseData) -> None:
        """Strengthen the anchor's edges to what was used, weaken those to the rest."""
        shown, outcomes = _told(response)
        others = shown != query.anchor_node
        targets = np.ascontiguousarray(shown[others])
        signals = np.where(outcomes[others] > 0, 1, -1).astype(np.float32)
        self.edges.update(np.full(len(targets), query.anchor_node), targets, signals)

    def micro_lora_update(self, query: QueryEmbedding, response: ResponseData) -> None:
        """Draw the adapted question to what was used by the advantage, away where it is below 0."""
        shown, outcomes = _told(response)
        if not len(shown):
            return
        advantage = response.quality_score - 0.5
        pull = advantage * (outcomes - outcomes.mean(dtype=np.float32))
        self.adapter.update(query.vector, -(pull.astype(np.float32) @ self._rows[shown]))

    def _cosines(self, query: F32Array, shown: I64Array) -> F32Array:
        known = (shown >= 0) & (shown < len(self._rows))
        if not known.all():
            raise ConfigError(f"memory {shown[~known][0]} is not in [0, {len(self._rows)})")
        length = max(float(np.linalg.norm(query)), 1e-9)
        return (self._rows[shown] @ query / np.float32(length))[:, None]


def _ranking(*, evidence: bool) -> RankingModel:
    return RankingModel((COSINE,), ("static",), (0,), base={COSINE: 1.0}, evidence=evidence)


def _told(response: ResponseData) -> tuple[I64Array, F32Array]:
    """Return the memories shown, used ones first, and 1 or 0 for each."""
    used, unused = response.used_memory_ids, response.retrieved_but_unused
    outcomes = np.zeros(len(used) + len(unused), np.float32)
    outcomes[: len(used)] = 1
    return np.array([*used, *unused], np.int64), outcomes
