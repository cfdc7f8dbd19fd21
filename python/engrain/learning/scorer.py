"""A learned scorer of retrieved memories, and its training from experience."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, ShapeError, SnapshotError
from engrain.kernels import adam_step, backpropagate, init_scorer, score_features
from engrain.learning.experience import FEATURES, Experience
from engrain.learning.formats.full_json import FullJSON
from engrain.learning.listmle import list_mle
from engrain.learning.replay import PrioritizedReplayBuffer


class LearnedRetrievalScorer:
    """[features] → 32 → ReLU → 32 → ReLU → 1 → σ, the same in training and use.

    Parameters
    ----------
    features : sequence of str
        Names of the features, in the order of their columns.
    seed : int
        Of the initial weights (He et al. 2015).
    """

    def __init__(self, features: Sequence[str] = FEATURES, seed: int = 0) -> None:
        if not features:
            raise ConfigError("features: needs at least one name")
        self.features = tuple(features)
        self.parameters: F32Array = init_scorer(len(self.features), seed)

    @property
    def input_dim(self) -> int:
        """Number of features."""
        return len(self.features)

    def forward(self, features: npt.ArrayLike, *, logits: bool = False) -> F32Array:
        """Return the scores of rows, in (0, 1), or their logits.

        Parameters
        ----------
        features : array_like, shape (n, features) or (features,)

        Returns
        -------
        ndarray of float32, shape (n,) or ()

        Raises
        ------
        ShapeError, NonFiniteError
        """
        rows = np.ascontiguousarray(features, dtype=np.float32)
        single = rows.ndim == 1
        rows = np.atleast_2d(rows)
        if rows.ndim != 2 or rows.shape[1] != self.input_dim:
            raise ShapeError(f"features: expected (n, {self.input_dim}), got {np.shape(features)}")
        scores = score_features(self.parameters, rows)
        if not logits:
            scores = np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * scores)
        return np.asarray(scores[0] if single else scores, dtype=np.float32)

    def score_memories(self, memories: Sequence[Mapping[str, float]]) -> list[float]:
        """Return one score per mapping of feature names to values; absent ones are 0."""
        rows = [[memory.get(name, 0.0) for name in self.features] for memory in memories]
        scores: list[float] = self.forward(np.reshape(rows, (-1, self.input_dim))).tolist()
        return scores

    def state(self) -> dict[str, Any]:
        """Return the parameters."""
        return {"features": list(self.features), "parameters": self.parameters.copy()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            Of a scorer with other features.
        """
        if tuple(state["features"]) != self.features:
            raise SnapshotError(f"a scorer of {state['features']} is not one of {self.features}")
        self.parameters = np.array(state["parameters"], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class TrainerConfig:
    """How a scorer is trained.

    Attributes
    ----------
    learning_rate, weight_decay : float
        Of AdamW (Loshchilov & Hutter 2019).
    batch_size : int
        Lists per step.
    clip : float
        Largest norm of the gradient.
    beta_step : float
        By which the importance weights' β nears 1 per step.
    capacity : int
        Lists kept for replay.
    seed : int
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    batch_size: int = 32
    clip: float = 1.0
    beta_step: float = 0.001
    capacity: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1 or not self.learning_rate > 0 or not self.clip > 0:
            raise ConfigError("TrainerConfig: batch_size >= 1, learning_rate and clip above 0")


class ScorerTrainer:
    """Trains a scorer on ranked lists by ListMLE with prioritised replay.

    Each list's loss is weighted by its own importance weight, and is its next priority.

    Parameters
    ----------
    scorer : LearnedRetrievalScorer
    config : TrainerConfig, optional
    replay_buffer : PrioritizedReplayBuffer, optional
    """

    def __init__(
        self,
        scorer: LearnedRetrievalScorer,
        config: TrainerConfig | None = None,
        replay_buffer: PrioritizedReplayBuffer[Experience] | None = None,
    ) -> None:
        self.scorer = scorer
        self.config = config or TrainerConfig()
        self.buffer: PrioritizedReplayBuffer[Experience] = (
            replay_buffer
            if replay_buffer is not None
            else PrioritizedReplayBuffer(self.config.capacity, seed=self.config.seed)
        )
        self.steps = 0
        self._rng = np.random.default_rng(self.config.seed)
        self._mean = np.zeros_like(scorer.parameters)
        self._square = np.zeros_like(scorer.parameters)

    def train_step(self, experiences: Sequence[Experience] | None = None) -> float:
        """Take in experiences and make one step on a draw from the replay buffer.

        Parameters
        ----------
        experiences : sequence of Experience, optional
            None trains on what is kept; an empty sequence trains on nothing.

        Returns
        -------
        float
            Mean loss of the lists drawn; 0 where there are none.
        """
        for experience in experiences or ():
            if np.count_nonzero(~np.isnan(experience.rewards)) > 1:
                self.buffer.add(experience)
        if not len(self.buffer) or (experiences is not None and not len(experiences)):
            return 0.0
        count = min(self.config.batch_size, len(self.buffer))
        indices, drawn, weights = self.buffer.sample(count)
        losses, gradient = self._gradient(drawn, weights)
        self._apply(gradient)
        self.buffer.update_priorities(indices, (losses + 1e-3).astype(np.float32))
        self.buffer.beta = min(1.0, self.buffer.beta + self.config.beta_step)
        return float(losses.mean())

    def _gradient(
        self, lists: list[Experience], weights: F32Array
    ) -> tuple[npt.NDArray[np.float64], F32Array]:
        """Return the loss of each list, and the gradient of their weighted mean."""
        rows = [experience.features(self.scorer.features) for experience in lists]
        features = np.concatenate(rows)
        logits = score_features(self.scorer.parameters, features)
        upstream = np.empty(len(features), dtype=np.float32)
        losses, start = np.empty(len(lists)), 0
        for i, experience in enumerate(lists):
            end = start + len(rows[i])
            losses[i], slope = list_mle(logits[start:end], experience.rewards, self._rng)
            upstream[start:end] = slope * (float(weights[i]) / len(lists))
            start = end
        return losses, backpropagate(self.scorer.parameters, features, upstream)

    def _apply(self, gradient: F32Array) -> None:
        norm = math.sqrt(float(gradient @ gradient))
        if norm > self.config.clip:
            gradient *= np.float32(self.config.clip / norm)
        self.steps += 1
        adam_step(
            self.scorer.parameters,
            gradient,
            self._mean,
            self._square,
            self.steps,
            learning_rate=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
        )

    def state(self) -> dict[str, Any]:
        """Return the whole state, experiences included; `load` continues it bit for bit."""
        write = FullJSON().encode
        return {
            "scorer": self.scorer.state(),
            "mean": self._mean.copy(),
            "square": self._square.copy(),
            "steps": self.steps,
            "replay": self.buffer.state(),
            "experiences": [write(experience) for experience in self.buffer.items],
            "random": self._rng.bit_generator.state,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            Of a scorer with other features, or of a larger replay buffer.
        """
        self.scorer.load(state["scorer"])
        self.buffer.load(state["replay"], map(_experience, state["experiences"]))
        self._mean, self._square = np.array(state["mean"]), np.array(state["square"])
        self.steps = int(state["steps"])
        self._rng.bit_generator.state = state["random"]


def _experience(text: str) -> Experience:
    event = FullJSON().decode(text)
    if not isinstance(event, Experience):
        raise SnapshotError(f"expected an experience, got {type(event).__name__}")
    return event
