"""Dopamine: outcomes compared with what was expected, and expectations that learn from it."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.base.ids import Id
from engrain.kernels import Handles, TdRule, ValueTable
from engrain.learning.config import LearningConfig
from engrain.learning.td import TDLambda
from engrain.learning.value_estimator import LearnedValueEstimator

_DEFAULT = LearningConfig()

__all__ = ["DopamineSystem", "LearnedValueEstimator", "RewardPredictionError", "TDLambda"]


class RewardPredictionError(float):
    """δ = actual - expected: a number that remembers what it was made of.

    Attributes
    ----------
    expected, actual : float
    threshold : float
        Smallest magnitude that counts as a surprise.
    """

    __slots__ = ("actual", "expected", "threshold")

    expected: float
    actual: float
    threshold: float

    def __new__(
        cls, expected: float, actual: float, threshold: float = _DEFAULT.surprise_threshold
    ) -> RewardPredictionError:
        self = super().__new__(cls, actual - expected)
        self.expected, self.actual, self.threshold = expected, actual, threshold
        return self

    @property
    def rpe(self) -> float:
        """The signed error as a plain float."""
        return float(self)

    @property
    def magnitude(self) -> float:
        """The error without its sign."""
        return abs(float(self))

    @property
    def positive(self) -> bool:
        """Better than expected by more than the threshold."""
        return self > self.threshold

    @property
    def negative(self) -> bool:
        """Worse than expected by more than the threshold."""
        return self < -self.threshold


class DopamineSystem:
    """Expected outcomes per memory, reward prediction errors, and TD(λ).

    δ = r - V(m); V(m) ← V(m) + α·δ (Schultz, Dayan & Montague 1997; Sutton & Barto 2018). The
    values lie in one compiled table that an orchestra and its rules share.

    Parameters
    ----------
    default_expected : float
        Value of an unknown memory, in [0, 1].
    value_learning_rate : float
        α in (0, 1].
    surprise_threshold : float
        Smallest magnitude of δ that counts as a surprise.
    gamma, lambda_ : float
        Discount and trace decay of TD(λ), in [0, 1].
    kind : {'replacing', 'accumulating', 'dutch'}
        Trace of TD(λ); for true online TD see `TDLambda`.
    estimator : LearnedValueEstimator, optional
        Expects values from embeddings; it weighs 1 / (1 + n) against n outcomes of the memory.
    max_memories : int
        Expectations held; at the cap the memory used longest ago is forgotten.
    max_history : int
        Errors kept in `history`.
    handles : Handles, optional
        Shared with other tables of the same memories.

    Raises
    ------
    ConfigError
        A setting is out of range.
    """

    def __init__(
        self,
        default_expected: float = _DEFAULT.default_expected,
        value_learning_rate: float = _DEFAULT.value_learning_rate,
        surprise_threshold: float = _DEFAULT.surprise_threshold,
        *,
        gamma: float = 0.95,
        lambda_: float = 0.9,
        kind: Literal["replacing", "accumulating", "dutch"] = "replacing",
        estimator: LearnedValueEstimator | None = None,
        max_memories: int = 100_000,
        max_history: int = 10_000,
        handles: Handles | None = None,
    ) -> None:
        if not surprise_threshold >= 0.0:
            raise ConfigError(f"surprise_threshold: must be at least 0, got {surprise_threshold}")
        self.default_expected = default_expected
        self.surprise_threshold = surprise_threshold
        self.estimator = estimator
        self.handles = handles if handles is not None else Handles(max_memories)
        self.handles.watch(self._forget)
        self.table = ValueTable(
            TdRule(value_learning_rate, gamma, lambda_, kind),
            default_expected,
            max_active=min(10_000, self.handles.capacity),
            max_handles=self.handles.capacity,
        )
        self.history: deque[tuple[Id, RewardPredictionError]] = deque(maxlen=max_history)
        self._last: F32Array = np.zeros(self.handles.capacity, dtype=np.float32)
        self._awaiting: OrderedDict[int, None] = OrderedDict()
        self._one: I64Array = np.zeros(1, dtype=np.int64)
        self._outcome: F32Array = np.zeros(1, dtype=np.float32)

    def _forget(self, handles: I64Array) -> None:
        self.table.forget(handles)
        self._last[handles] = 0.0
        for handle in handles.tolist():
            self._awaiting.pop(handle, None)

    def __len__(self) -> int:
        return len(self.handles)

    def _known(self, id: Id) -> I64Array | None:
        handle = self.handles.find(id)
        if handle < 0:
            return None
        self._one[0] = handle
        return self._one

    def get_expected(self, id: Id, embedding: npt.ArrayLike | None = None) -> float:
        """Return the outcome expected of a memory."""
        known = self._known(id)
        value = self.default_expected if known is None else float(self.table.expected(known)[0])
        if self.estimator is None or embedding is None:
            return value
        return value + self.get_uncertainty(id) * (self.estimator.estimate(embedding) - value)

    def expected(self, handles: I64Array) -> F32Array:
        """Return the outcomes expected of handles, shape (n,)."""
        return self.table.expected(handles)

    def learn(self, handles: I64Array, outcomes: F32Array) -> F32Array:
        """Return the errors of outcomes and learn from them, all of shape (n,), in one call."""
        errors = self.table.learn(handles, outcomes)
        self._last[handles] = errors
        return errors

    def compute_rpe(
        self,
        id: Id,
        actual_outcome: float | None = None,
        embedding: npt.ArrayLike | None = None,
        *,
        actual: float | None = None,
    ) -> RewardPredictionError:
        """Return actual - expected, and make the memory eligible for TD(λ).

        Parameters
        ----------
        id : str, int or UUID
        actual_outcome : float
            In [0, 1]; `actual` is another name of it.
        embedding : array_like, optional
            For the estimator.

        Raises
        ------
        NonFiniteError
            The outcome is not a number in [0, 1].
        """
        outcome = _outcome(actual if actual_outcome is None else actual_outcome)
        error = RewardPredictionError(
            self.get_expected(id, embedding), outcome, self.surprise_threshold
        )
        handle = self.handles.intern(id)
        self._last[handle] = error
        self._awaiting[handle] = None
        if len(self._awaiting) > 10_000:
            self._awaiting.popitem(last=False)
        self.history.append((id, error))
        return error

    def batch_compute_rpe(self, outcomes: Mapping[Id, float]) -> dict[Id, RewardPredictionError]:
        """Return the error of several memories; nothing is marked if one outcome is refused."""
        for value in outcomes.values():
            _outcome(value)
        return {name: self.compute_rpe(name, value) for name, value in outcomes.items()}

    def update_expectations(
        self,
        id: Id,
        actual_outcome: float | None = None,
        embedding: npt.ArrayLike | None = None,
        *,
        actual: float | None = None,
    ) -> float:
        """Move the expectation of a memory toward an outcome; return the new expectation."""
        self._outcome[0] = _outcome(actual if actual_outcome is None else actual_outcome)
        if self.estimator is not None and embedding is not None:
            self.estimator.update(
                embedding, float(self._outcome[0]) - self.estimator.estimate(embedding)
            )
        self._one[0] = handle = self.handles.intern(id)
        self.table.learn(self._one, self._outcome)
        self._awaiting.pop(handle, None)
        return self.get_expected(id, embedding)

    def get_signed_rpe(self, id: Id) -> float:
        """Return the last error of a memory with its sign, 0 where there was none."""
        handle = self.handles.find(id)
        return float(self._last[handle]) if handle >= 0 else 0.0

    def get_count(self, id: Id) -> int:
        """Return how many outcomes the expectation of a memory rests on."""
        known = self._known(id)
        return 0 if known is None else int(self.table.counts(known)[0])

    def get_uncertainty(self, id: Id) -> float:
        """Return 1 / (1 + n) after n outcomes: 1 for an unknown memory."""
        return 1.0 / (1.0 + self.get_count(id))

    def modulate_learning_rate(self, learning_rate: float, id: Id) -> float:
        """Return learning_rate times the size of the last δ: no surprise, no learning."""
        return learning_rate * abs(self.get_signed_rpe(id))

    def mark_memory_active(self, id: Id) -> None:
        """Make a memory eligible for the next TD errors."""
        self._awaiting[self.handles.intern(id)] = None
        self._mark()

    def _mark(self) -> None:
        if self._awaiting:
            self.table.mark(np.array(list(self._awaiting), dtype=np.int64))
            self._awaiting.clear()

    def update_with_td_lambda(self, td_error: float) -> None:
        """Credit a TD error to every eligible memory, V += αδe, then decay e by γλ.

        Values stay in [0, 1].
        """
        error = _finite(td_error, "td_error")
        self._mark()
        self.table.credit(error)

    def process_reward_with_traces(
        self, reward: float, current: Id, next: Id | None = None, terminal: bool | None = None
    ) -> float:
        """Make one step of TD(λ) from `current` to `next`; return δ = r + γV(next) - V(current).

        Without a next memory, or when `terminal`, the future is worth 0 and the episode ends.
        """
        _finite(reward, "reward")
        over = terminal if terminal is not None else next is None
        ahead = 0.0 if over or next is None else self.get_expected(next)
        error = reward + self.table.rule.gamma * ahead - self.get_expected(current)
        self.mark_memory_active(current)
        self.table.credit(error)
        if over:
            self.table.clear_marks()
        return error

    def state(self) -> dict[str, Any]:
        """Return the whole state; `load` continues it bit for bit."""
        return {
            "handles": self.handles.state(),
            "table": self.table.state(),
            "last": self._last[: len(self.handles)].copy(),
            "awaiting": list(self._awaiting),
            "estimator": self.estimator.state() if self.estimator is not None else None,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`; the history starts anew."""
        self.handles.load(state["handles"])
        self.table.load(state["table"])
        self._last[:] = 0.0
        self._last[: len(state["last"])] = state["last"]
        self._awaiting = OrderedDict.fromkeys(state["awaiting"])
        if self.estimator is not None and state["estimator"] is not None:
            self.estimator.load(state["estimator"])
        self.history.clear()

    save_state = state
    load_state = load


def _outcome(value: float | None) -> float:
    if value is None or not 0.0 <= value <= 1.0:
        raise NonFiniteError(f"outcome: needs a number in [0, 1], got {value!r}")
    return float(value)


def _finite(value: float, name: str) -> float:
    if not math.isfinite(value):
        raise NonFiniteError(f"{name}: needs a finite number, got {value!r}")
    return float(value)
