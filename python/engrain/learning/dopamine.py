"""Dopamine: outcomes compared with what was expected, and expectations that learn from it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.base.ids import Id
from engrain.learning.config import LearningConfig
from engrain.learning.handles import Handles
from engrain.learning.td import TDKind, TDLambda
from engrain.learning.value_estimator import LearnedValueEstimator

_DEFAULT = LearningConfig()

__all__ = ["DopamineSystem", "LearnedValueEstimator", "RewardPredictionError"]


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

    δ = r - V(m); V(m) ← V(m) + α·(r - V(m)) (Schultz, Dayan & Montague 1997; Sutton & Barto 2018).

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
    kind : {'accumulating', 'replacing', 'dutch', 'true_online'}
        Trace of TD(λ).
    estimator : LearnedValueEstimator, optional
        Expects values of memories never seen before from their embeddings.
    max_memories : int
        Expectations held; at the cap the memory used longest ago is forgotten.
    max_history : int
        Errors kept in `history`.
    """

    def __init__(
        self,
        default_expected: float = _DEFAULT.default_expected,
        value_learning_rate: float = _DEFAULT.value_learning_rate,
        surprise_threshold: float = _DEFAULT.surprise_threshold,
        *,
        gamma: float = 0.95,
        lambda_: float = 0.9,
        kind: TDKind = "replacing",
        estimator: LearnedValueEstimator | None = None,
        max_memories: int = 100_000,
        max_history: int = 10_000,
    ) -> None:
        if not 0.0 <= default_expected <= 1.0 or not surprise_threshold >= 0.0:
            raise ConfigError(
                f"default_expected {default_expected} must lie in [0, 1], "
                f"surprise_threshold {surprise_threshold} be at least 0"
            )
        self.default_expected = default_expected
        self.value_learning_rate = value_learning_rate
        self.surprise_threshold = surprise_threshold
        self.estimator = estimator
        self.td = TDLambda(
            max_memories, value_learning_rate, gamma, lambda_, kind, start=default_expected
        )
        self.handles = Handles(max_memories, self._forget)
        self.history: deque[tuple[Id, RewardPredictionError]] = deque(maxlen=max_history)
        self._counts: I64Array = np.zeros(max_memories, dtype=np.int64)
        self._last: F64Array = np.zeros(max_memories)

    def _forget(self, handles: I64Array) -> None:
        self.td.forget(handles)
        self._counts[handles] = 0
        self._last[handles] = 0.0

    def __len__(self) -> int:
        return len(self.handles)

    def get_expected(self, id: Id, embedding: npt.ArrayLike | None = None) -> float:
        """Return the outcome expected of a memory."""
        handle = self.handles.find(id)
        if (handle < 0 or not self._counts[handle]) and self.estimator and embedding is not None:
            return self.estimator.estimate(embedding)
        return float(self.td.values[handle]) if handle >= 0 else self.default_expected

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
            Used where an estimator is at hand and the memory is new.

        Raises
        ------
        NonFiniteError
            The outcome is not a number in [0, 1].
        """
        outcome = _outcome(actual if actual_outcome is None else actual_outcome)
        expected = self.get_expected(id, embedding)
        handle = self.handles.intern(id)
        error = RewardPredictionError(expected, outcome, self.surprise_threshold)
        self._last[handle] = error
        self.td.mark(handle)
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
        outcome = _outcome(actual if actual_outcome is None else actual_outcome)
        expected = self.get_expected(id, embedding)
        handle = self.handles.intern(id)
        if self.estimator is not None and embedding is not None:
            self.estimator.update(embedding, outcome - self.estimator.estimate(embedding))
        value = expected + self.value_learning_rate * (outcome - expected)
        self.td.values[handle] = value
        self._counts[handle] += 1
        return value

    def get_signed_rpe(self, id: Id) -> float:
        """Return the last error of a memory with its sign, 0 where there was none."""
        handle = self.handles.find(id)
        return float(self._last[handle]) if handle >= 0 else 0.0

    def get_count(self, id: Id) -> int:
        """Return how many outcomes the expectation of a memory rests on."""
        handle = self.handles.find(id)
        return int(self._counts[handle]) if handle >= 0 else 0

    def get_uncertainty(self, id: Id) -> float:
        """Return 1 / (1 + n) after n outcomes: 1 for an unknown memory."""
        return 1.0 / (1.0 + self.get_count(id))

    def modulate_learning_rate(self, learning_rate: float, id: Id) -> float:
        """Return learning_rate times the size of the last δ: no surprise, no learning."""
        return learning_rate * abs(self.get_signed_rpe(id))

    def mark_memory_active(self, id: Id) -> None:
        """Make a memory eligible for the next TD errors."""
        self.td.mark(self.handles.intern(id))

    def update_with_td_lambda(self, td_error: float) -> dict[Id, float]:
        """Credit a TD error to every eligible memory, V += αδe, then decay e by γλ.

        Returns
        -------
        dict
            New values of the memories credited.
        """
        touched = self.td.apply(_finite(td_error, "td_error"))
        values = self.td.values[touched].tolist()
        return dict(zip(self.handles.ids(touched), values, strict=True))

    def process_reward_with_traces(
        self,
        reward: float,
        current: Id,
        next: Id | None = None,
        terminal: bool | None = None,
    ) -> float:
        """Make one step of TD(λ) from `current` to `next`; return δ = r + γV(next) - V(current).

        Without a next memory, or when `terminal`, the future is worth 0 and the episode ends.
        """
        _finite(reward, "reward")
        over = terminal if terminal is not None else next is None
        state = self.handles.intern(current)
        after = -1 if over or next is None else self.handles.intern(next)
        return self.td.step(reward, state, after)

    def state(self) -> dict[str, Any]:
        """Return the whole state; `load` continues it bit for bit."""
        held = len(self.handles)
        return {
            "handles": self.handles.state(),
            "td": self.td.state(held),
            "counts": self._counts[:held].copy(),
            "last": self._last[:held].copy(),
            "estimator": self.estimator.state() if self.estimator is not None else None,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`; the history starts anew."""
        self.handles.load(state["handles"])
        self.td.load(state["td"])
        held = len(state["counts"])
        self._counts[:], self._last[:] = 0, 0.0
        self._counts[:held], self._last[:held] = state["counts"], state["last"]
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
