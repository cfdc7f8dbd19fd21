"""Reconsolidation: a retrieved memory may turn a little toward what it was good for."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, F64Array, I64Array, as_vector
from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.base.ids import Id
from engrain.kernels import Handles, reconsolidate_one

if TYPE_CHECKING:
    from engrain.learning.three_factor import ThreeFactorLearningRule


class ReconsolidationUpdate(NamedTuple):
    """One change of one memory.

    Attributes
    ----------
    memory_id : str, int or UUID
    time : float
        Seconds.
    rate : float
        Signed: above 0 toward the query.
    cosine : float
        Between memory and query before the change.
    """

    memory_id: Id
    time: float
    rate: float
    cosine: float


class ReconsolidationEngine:
    """Owns memory vectors and lets outcomes turn them toward or away from queries.

    m ← normalise(m + rate·(q - m)) with the turn bounded, where rate = base_lr·δ/(1 + importance)
    and δ = outcome - baseline, or base_lr times the signed product of a three-factor rule.
    Retrieval opens a window in which a memory is labile; without mismatch nothing changes (Nader,
    Schafe & LeDoux 2000; Lee 2009).

    Parameters
    ----------
    base_lr : float
        In (0, 1].
    three_factor_rule : ThreeFactorLearningRule, optional
    store : mapping of id to vector, optional
        Memories to begin with; others come by `add`.
    require_retrieval : bool
        Only `mark_retrieved` opens the window. Otherwise the update itself counts as a retrieval.
    lability_window : float
        Seconds.
    min_mismatch : float
        Least 1 - cosine between memory and query for a change.
    max_angle : float
        Largest turn of one update, in radians.
    baseline : float
        Outcome that changes nothing where no rule is given.
    max_memories : int
        At the cap the memory used longest ago is dropped.
    max_history : int
    clock : callable
    base_learning_rate, three_factor
        Other names of `base_lr` and `three_factor_rule`.

    Raises
    ------
    ConfigError
        A setting is out of range.
    """

    def __init__(
        self,
        base_lr: float = 0.01,
        three_factor_rule: ThreeFactorLearningRule | None = None,
        *,
        store: Mapping[Id, npt.ArrayLike] | None = None,
        require_retrieval: bool = False,
        lability_window: float = 6 * 3600.0,
        min_mismatch: float = 1e-6,
        max_angle: float = 0.1,
        baseline: float = 0.5,
        max_memories: int = 100_000,
        max_history: int = 10_000,
        clock: Clock = wall_clock,
        base_learning_rate: float | None = None,
        three_factor: ThreeFactorLearningRule | None = None,
    ) -> None:
        self.base_lr = base_lr if base_learning_rate is None else base_learning_rate
        if not 0.0 < self.base_lr <= 1.0 or not 0.0 <= baseline <= 1.0:
            raise ConfigError(f"base_lr {self.base_lr} in (0, 1], baseline {baseline} in [0, 1]")
        if not lability_window > 0 or not min_mismatch >= 0:
            raise ConfigError("lability_window must be above 0, min_mismatch at least 0")
        if not 0.0 < max_angle < math.pi / 2:
            raise ConfigError(f"max_angle: expected radians in (0, pi / 2), got {max_angle!r}")
        self.three_factor_rule = three_factor_rule or three_factor
        self.require_retrieval = require_retrieval
        self.lability_window = lability_window
        self.min_mismatch = min_mismatch
        self.max_angle = max_angle
        self._max_tangent = math.tan(max_angle)
        self.baseline = baseline
        self.clock = clock
        self.handles = Handles(max_memories)
        self.handles.watch(self._forget)
        self.history: deque[ReconsolidationUpdate] = deque(maxlen=max_history)
        self._vectors: F32Array = np.zeros((0, 0), dtype=np.float32)
        self._retrieved: F64Array = np.zeros(0)
        for id, vector in (store or {}).items():
            self.add(id, vector)

    def __len__(self) -> int:
        return len(self.handles)

    def __contains__(self, id: Id) -> bool:
        return id in self.handles

    @property
    def dim(self) -> int | None:
        """Length of the vectors; None before the first."""
        return self._vectors.shape[1] or None

    def _forget(self, handles: I64Array) -> None:
        self._retrieved[handles] = -math.inf

    def add(self, id: Id, vector: npt.ArrayLike) -> None:
        """Give a memory its vector, in place of the one it had.

        Raises
        ------
        ShapeError, NonFiniteError, TypeError
            Nothing was changed.
        """
        row = as_vector(vector, self.dim, "vector")
        handle = self.handles.intern(id)
        self._reserve(handle, row.size)
        self._vectors[handle] = row
        self._retrieved[handle] = -math.inf

    def _reserve(self, handle: int, dim: int) -> None:
        held = len(self._vectors)
        if handle < held:
            return
        size = min(max(64, 2 * held, handle + 1), self.handles.capacity)
        grown = np.zeros((size, dim), dtype=np.float32)
        if held:
            grown[:held] = self._vectors
        self._vectors = grown
        self._retrieved = np.concatenate([self._retrieved, np.full(size - held, -math.inf)])

    def get(self, id: Id) -> F32Array | None:
        """Return a copy of a memory's vector, None where it is unknown."""
        handle = self.handles.find(id)
        return self._vectors[handle].copy() if handle >= 0 else None

    def mark_retrieved(self, id: Id) -> None:
        """Open the window in which a memory may change; unknown ids are passed over."""
        handle = self.handles.find(id)
        if handle >= 0:
            self._retrieved[handle] = self.clock()

    def is_labile(self, id: Id) -> bool:
        """Tell whether a memory was retrieved within the window."""
        handle = self.handles.find(id)
        return handle >= 0 and self.clock() - self._retrieved[handle] <= self.lability_window

    def update_embedding(
        self,
        memory_id: Id,
        query_embedding: npt.ArrayLike,
        outcome: float,
        importance: float = 0.0,
    ) -> F32Array | None:
        """Turn a memory by how well it served a query.

        Parameters
        ----------
        memory_id : str, int or UUID
        query_embedding : array_like, shape (dim,)
        outcome : float
            In [0, 1].
        importance : float
            At least 0; protects the memory.

        Returns
        -------
        ndarray of float32, shape (dim,), or None
            The new vector, of unit length; None where the memory is unknown or nothing changed.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        if not 0.0 <= outcome <= 1.0:
            raise NonFiniteError(f"outcome: needs a number in [0, 1], got {outcome!r}")
        if not 0.0 <= importance < math.inf:
            raise NonFiniteError(f"importance: needs a number >= 0, got {importance!r}")
        query = as_vector(query_embedding, self._vectors.shape[1] or None, "query_embedding")
        handle = self.handles.find(memory_id)
        if handle < 0:
            return None
        now = self.clock()
        if not self.require_retrieval:
            self._retrieved[handle] = now
        elif now - self._retrieved[handle] > self.lability_window:
            return None
        rate = self._rate(memory_id, outcome) / (1.0 + importance)
        cosine = reconsolidate_one(
            self._vectors, handle, query, rate, self._max_tangent, self.min_mismatch
        )
        if cosine is None:
            return None
        self.history.append(ReconsolidationUpdate(memory_id, now, rate, cosine))
        changed: F32Array = self._vectors[handle].copy()
        return changed

    def _rate(self, id: Id, outcome: float) -> float:
        if self.three_factor_rule is None:
            return self.base_lr * (outcome - self.baseline)
        rate = self.three_factor_rule.compute(id, self.base_lr, outcome).effective_lr
        return min(max(rate, -1.0), 1.0)

    def batch_reconsolidate(
        self, outcomes: Mapping[Id, float], query_embedding: npt.ArrayLike
    ) -> dict[Id, F32Array]:
        """Turn several memories by one query; return the vectors that changed."""
        for outcome in outcomes.values():
            if not 0.0 <= outcome <= 1.0:
                raise NonFiniteError(f"outcome: needs a number in [0, 1], got {outcome!r}")
        changed = {}
        for id, outcome in outcomes.items():
            vector = self.update_embedding(id, query_embedding, outcome)
            if vector is not None:
                changed[id] = vector
        return changed

    def state(self) -> dict[str, Any]:
        """Return vectors, ids and windows; `load` continues them bit for bit."""
        held = len(self.handles)
        return {
            "handles": self.handles.state(),
            "vectors": self._vectors[:held].copy(),
            "retrieved": self._retrieved[:held].copy(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`; the history starts anew."""
        self.handles.load(state["handles"])
        self._vectors = np.array(state["vectors"], dtype=np.float32)
        self._retrieved = np.array(state["retrieved"])
        self.history.clear()
