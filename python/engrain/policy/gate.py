"""The inline gate: a bilinear score s' W m that starts as the cosine and may not leave it far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I8Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.kernels import MicroLoRA, quantize_rows, score_rows, topk, topk_int8

State = dict[str, npt.NDArray[Any]]

TEMPERATURE = 0.1


class GatedRows:
    """Memories prepared for many questions: exact rows and int8 codes to find the best by.

    Parameters
    ----------
    memories : ndarray of float32, shape (n, dim), C-contiguous
    """

    def __init__(self, memories: F32Array) -> None:
        self.rows = memories
        self.codes: I8Array
        self.codes, self.scale = quantize_rows(memories)


class InlineGate:
    """Scores memories by ``s' W m`` with ``W = I + B'A`` of low rank, learned one list at a time.

    Untaught, scores are those of the cosine bit for bit. ``|W - I|`` (Frobenius) never exceeds
    `radius`.

    Parameters
    ----------
    dim : int
    rank : int
        Of W - I.
    radius : float
        Of the ball round the identity.
    learning_rate : float
        Of the normalised step, see `engrain.kernels.MicroLoRA`.
    seed : int

    Raises
    ------
    ConfigError
        A setting is out of its range.
    """

    def __init__(
        self,
        dim: int,
        *,
        rank: int = 16,
        radius: float = 2.0,
        learning_rate: float = 0.004,
        seed: int = 0,
    ) -> None:
        if not 0.0 < radius < np.inf:
            raise ConfigError(f"radius: expected a finite number above 0, got {radius!r}")
        self.radius = radius
        self._lora = MicroLoRA(dim, rank, learning_rate=learning_rate, epsilon=1e-2, seed=seed)

    @property
    def dim(self) -> int:
        """Width of situations and memories."""
        return self._lora.dim

    @property
    def rank(self) -> int:
        """Rank of W - I."""
        return self._lora.rank

    @property
    def updates(self) -> int:
        """Lists learned from."""
        return self._lora.updates

    @property
    def weight(self) -> F32Array:
        """W as a matrix, shape (dim, dim): a copy for inspection."""
        moved = self._lora.scale * (self._lora.a.T @ self._lora.b)
        return np.eye(self.dim, dtype=np.float32) + moved.astype(np.float32)

    @property
    def distance(self) -> float:
        """Frobenius norm of W - I; NaN where weights are not finite."""
        return self._lora.project(float("inf"))

    def turn(self, situation: F32Array) -> F32Array:
        """Return ``W' s``, whose inner products with memories are the scores; shape (dim,)."""
        return self._lora.apply(situation)

    def score_memories(self, situation: F32Array, memories: F32Array) -> F32Array:
        """Return one score per memory.

        Parameters
        ----------
        situation : ndarray of float32, shape (dim,)
            Unit length.
        memories : ndarray of float32, shape (n, dim), C-contiguous
            Unit rows.

        Returns
        -------
        ndarray of float32, shape (n,)
        """
        return score_rows(memories, self.turn(situation))

    def select_top_k(
        self, situation: F32Array, memories: F32Array | GatedRows, k: int = 5
    ) -> tuple[I64Array, F32Array]:
        """Return indices and scores of the `k` best, best first; fastest on `GatedRows`."""
        turned = self.turn(situation)
        if isinstance(memories, GatedRows):
            return topk_int8(memories.codes, memories.scale, memories.rows, turned, k)
        return topk(memories, turned, k)

    def update(self, situation: F32Array, memories: F32Array, outcomes: F32Array) -> float:
        """Take one step on the log-loss of a list, and return that loss before the step.

        The loss is ``-sum_i t_i log softmax(score / 0.1)_i`` with targets t the outcomes over their
        sum; a list without any outcome above 0 teaches nothing and costs 0.

        Parameters
        ----------
        situation : ndarray of float32, shape (dim,)
        memories : ndarray of float32, shape (n, dim), C-contiguous
        outcomes : ndarray of float32, shape (n,)
            In [0, 1].

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        if outcomes.shape != (len(memories),):
            raise ShapeError(f"outcomes: expected shape ({len(memories)},), got {outcomes.shape}")
        if not (np.isfinite(outcomes).all() and (outcomes >= 0).all()):
            raise NonFiniteError("outcomes: expected finite numbers of at least 0")
        if not outcomes.any():
            return 0.0
        loss, push = _list_loss(self.score_memories(situation, memories), outcomes)
        self._lora.update(situation, np.ascontiguousarray(push @ memories, np.float32))
        self._lora.project(self.radius)
        return loss

    def reset(self) -> None:
        """Return to the identity."""
        self._lora.reset()

    def state(self) -> State:
        """Return the whole learned state as named arrays."""
        return self._lora.state()

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            Another shape, or not finite.
        """
        self._lora.load(state)


def _list_loss(scores: F32Array, outcomes: F32Array) -> tuple[float, npt.NDArray[np.float64]]:
    """Return the log-loss of a list and its gradient in the scores."""
    logits = scores.astype(np.float64) / TEMPERATURE
    logits -= logits.max()
    chances = np.exp(logits)
    total = chances.sum()
    targets = outcomes.astype(np.float64) / outcomes.sum()
    loss = float(np.log(total) - targets @ logits)
    return loss, (chances / total - targets) / TEMPERATURE


class Watch:
    """Whether the gate beats the cosine on lists it had not learned from when it was asked.

    Keeps the mean gain in log-loss per list, cut to [-1, 1], over about the last 50 lists; trusts
    the gate once that mean lies a deviation above 0, and no longer when it falls to 0.
    """

    KEEP = 1.0 - 1.0 / 50.0
    LEAST = 16.0  # what 20 lists weigh

    def __init__(self) -> None:
        self._sums = np.zeros(3)  # of weights, gains, squared gains
        self.trusted = False

    @property
    def mean(self) -> float:
        """Mean gain in nats."""
        return float(self._sums[1] / max(self._sums[0], 1.0))

    @property
    def deviation(self) -> float:
        """Standard deviation of that mean."""
        weight = max(float(self._sums[0]), 1.0)
        spread = max(float(self._sums[2]) / weight - self.mean**2, 1e-6)
        return float(np.sqrt(spread / weight))

    def note(self, gain: float) -> None:
        """Take one list in."""
        gain = min(max(gain, -1.0), 1.0)
        self._sums = self.KEEP * self._sums + np.array([1.0, gain, gain * gain])
        least = 0.0 if self.trusted else self.deviation
        self.trusted = bool(self._sums[0] >= self.LEAST) and self.mean > least

    def state(self) -> State:
        """Return the whole state as named arrays."""
        return {"sums": self._sums.copy(), "trusted": np.array([self.trusted])}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self._sums = np.array(state["sums"], np.float64)
        self.trusted = bool(state["trusted"][0])


class Alarm:
    """Sounds when the gate has begun to do worse than another.

    Bets that gains, each cut to three sizes, have a mean below 0: bets made for large gains would
    hardly notice small ones that last. Starts anew whenever a bet has lost: while the means are at
    least 0, alarms lie at least 100 lists apart on average (an e-detector; Shin, Ramdas & Rinaldo
    2024).
    """

    CUTS = np.array([1.0, 0.25, 0.1])  # nats
    BETS = np.array([0.5, 0.7, 0.8])  # share of the wealth put on a gain of that size
    CUTS.flags.writeable = BETS.flags.writeable = False
    LIMIT = 100.0

    def __init__(self) -> None:
        self._wealth = np.ones(len(self.BETS))

    def note(self, gain: float) -> None:
        """Take one list in."""
        sizes = np.clip(gain / self.CUTS, -1.0, 1.0)
        self._wealth = np.maximum(self._wealth, 1.0) * (1.0 - self.BETS * sizes)

    @property
    def suspicious(self) -> bool:
        """Whether something may be wrong."""
        return float(self._wealth.mean()) > 2.0

    @property
    def sounds(self) -> bool:
        """Whether something is wrong."""
        return float(self._wealth.mean()) >= self.LIMIT

    def state(self) -> State:
        """Return the whole state as named arrays."""
        return {"wealth": self._wealth.copy()}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self._wealth = np.array(state["wealth"], np.float64)


class GuardedGate:
    """An inline gate that is used only while it helps, and comes back from harm by itself.

    Each list is scored by the gate, by the cosine and by the gate as it was 25 to 50 lists ago,
    before the gate learns from it. While the gate does not beat the cosine, `gain` is 0. A gate
    that does worse than either beyond chance, or whose weights are not finite or left the ball,
    becomes again what it was then; and should that be no better, the identity.

    Attributes
    ----------
    reverted : int
        How often it had to return.
    """

    EVERY = 25

    def __init__(self, gate: InlineGate) -> None:
        self.gate, self.reverted = gate, 0
        self._past = InlineGate(gate.dim, rank=gate.rank, radius=gate.radius)
        self._next: State | None = None
        self.watch, self._worse, self._worsened = Watch(), Alarm(), Alarm()

    def gain(self, situation: F32Array, memories: F32Array) -> F32Array:
        """Return what the gate adds to each cosine, shape (n,); 0 while it is not trusted."""
        if not self.watch.trusted:
            return np.zeros(len(memories), np.float32)
        return score_rows(memories, self.gate.turn(situation) - situation)

    def learn(self, situation: F32Array, memories: F32Array, outcomes: F32Array) -> None:
        """Compare on a list, then learn from it; see `InlineGate.update`."""
        if not (outcomes > 0).any() or not (outcomes <= 0).any():
            return
        if not self.gate.distance <= 1.001 * self.gate.radius:
            self._revert()
        plain, _ = _list_loss(score_rows(memories, situation), outcomes)
        past, _ = _list_loss(self._past.score_memories(situation, memories), outcomes)
        loss = self.gate.update(situation, memories, outcomes)
        self.watch.note(plain - loss)
        self._worse.note(plain - loss)
        self._worsened.note(past - loss)
        if self._worse.sounds:
            self._revert()
            self.watch = Watch()
        elif self._worsened.sounds:
            self._revert()
        elif self.gate.updates % self.EVERY == 0:
            self._keep()

    def _keep(self) -> None:
        """Move the checkpoints on, where nothing speaks against the gate."""
        if not self.watch.trusted or self._worse.suspicious or self._worsened.suspicious:
            return
        if self._next is not None:
            self._past.load(self._next)
            self._worsened = Alarm()
        self._next = self.gate.state()

    def _revert(self) -> None:
        self.reverted += 1
        self.gate.load(self._past.state())
        self._past.reset()
        self._next = None
        self._worse, self._worsened = Alarm(), Alarm()

    def state(self) -> State:
        """Return the whole learned state as named arrays."""
        parts = {name: part.state() for name, part in self._parts().items()}
        if self._next is not None:
            parts["next"] = self._next
        held = {f"{name}/{key}": a for name, state in parts.items() for key, a in state.items()}
        return held | {"reverted": np.array([self.reverted], np.int64)}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            Arrays are missing or do not fit.
        """
        parts: dict[str, State] = {}
        for name, array in state.items():
            part, _, rest = name.partition("/")
            parts.setdefault(part, {})[rest] = np.array(array)
        try:
            for name, held in self._parts().items():
                held.load(parts[name])
            self.reverted = int(state["reverted"][0])
        except KeyError as error:
            raise SnapshotError(f"a gate's state lacks {error}") from error
        self._next = parts.get("next")

    def _parts(self) -> dict[str, InlineGate | Watch | Alarm]:
        return {
            "gate": self.gate,
            "past": self._past,
            "watch": self.watch,
            "worse": self._worse,
            "worsened": self._worsened,
        }
