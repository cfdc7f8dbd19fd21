"""Elastic weight consolidation of the router, and its training under it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.loops.cell import Floats
from engrain.loops.config import BackgroundLearningConfig
from engrain.loops.router import FastGRNNRouter, RouterBatch


class EWCPlusPlusState:
    """Which weights matter, and where they were when that was learned.

    Within a task `observe` averages the Fisher information of its cycles, as EWC++ does; `settle`
    closes the task. Anchoring every cycle instead would let the anchor follow the weights.

    Parameters
    ----------
    weights : int
        Number of weights.
    gamma : float
        In [0, 1]: what a task leaves of the Fisher information before it,
        ``F <- gamma F + F_task``. 1 never forgets (EWC), 0 knows the last task only (online EWC).
    alpha : float
        In (0, 1]: weight of a new measurement in the running average of the task,
        ``F_task <- (1 - alpha) F_task + alpha F_new``, corrected for its start at 0.

    Attributes
    ----------
    fisher, anchor : ndarray of float64, shape (weights,)
        The anchor is the latest optimum: found under the penalty, it already contains the earlier
        ones (Huszár 2018).

    References
    ----------
    Kirkpatrick et al. (2017); Schwarz et al. (2018), online EWC; Chaudhry et al. (2018), EWC++.
    """

    def __init__(self, weights: int, gamma: float = 0.95, alpha: float = 0.5) -> None:
        if weights < 1 or not 0.0 <= gamma <= 1.0 or not 0.0 < alpha <= 1.0:
            raise ConfigError(
                "weights, gamma, alpha: expected at least 1, a number in [0, 1] and one in "
                f"(0, 1], got {weights}, {gamma} and {alpha}"
            )
        self.gamma, self.alpha = gamma, alpha
        self.fisher: F64Array = np.zeros(weights)
        self.anchor: F64Array = np.zeros(weights)
        self._task: F64Array = np.zeros(weights)
        self._observed = 0

    def regularization_loss(self, weights: Floats) -> float:
        """Return ``1/2 sum F (w - w*)^2``; the strength lambda is applied once, by the caller."""
        return float(0.5 * np.sum(self.fisher * (weights - self.anchor) ** 2))

    def gradient(self, weights: Floats) -> Floats:
        """Return ``F (w - w*)``."""
        return self.fisher * (weights - self.anchor)

    def update_fisher(self, fisher: Floats, weights: Floats) -> None:
        """Take note that `weights` solve a task of the Fisher information `fisher`.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        self._check(fisher, "fisher")
        self._check(weights, "weights")
        self.fisher = self.gamma * self.fisher + fisher
        self.anchor = weights.astype(np.float64)

    def observe(self, fisher: Floats) -> None:
        """Average in a measurement of the task under way; nothing is protected yet.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        self._check(fisher, "fisher")
        self._task = (1.0 - self.alpha) * self._task + self.alpha * fisher
        self._observed += 1

    def settle(self, weights: Floats) -> None:
        """Close the task under way, which `weights` solve; without one nothing happens."""
        if not self._observed:
            return
        whole = 1.0 - (1.0 - self.alpha) ** self._observed
        self.update_fisher(self._task / whole, weights)
        self._task, self._observed = np.zeros_like(self._task), 0

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything learned: restores bit for bit with `load`."""
        return {
            "fisher": self.fisher.copy(),
            "anchor": self.anchor.copy(),
            "task": self._task.copy(),
            "observed": np.array([self._observed], dtype=np.int64),
        }

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what `state` returned.

        Raises
        ------
        ShapeError, NonFiniteError
            Another number of weights, or NaN or infinity among them; nothing was changed.
        """
        for name in ("fisher", "anchor", "task"):
            self._check(state[name], name)
        self.fisher, self.anchor = state["fisher"].copy(), state["anchor"].copy()
        self._task, self._observed = state["task"].copy(), int(state["observed"][0])

    def _check(self, values: Floats, name: str) -> None:
        if values.shape != self.fisher.shape:
            raise ShapeError(f"{name}: expected shape {self.fisher.shape}, got {values.shape}")
        if not np.isfinite(values).all():
            raise NonFiniteError(f"{name}: contains NaN or infinity")


def train_router(
    router: FastGRNNRouter,
    lessons: RouterBatch,
    ewc: EWCPlusPlusState,
    config: BackgroundLearningConfig,
    *,
    epochs: int = 5,
    seed: int = 0,
) -> float:
    """Train the router on outcomes under the elastic penalty; return its last epoch's mean loss.

    The penalty's step is implicit, ``w <- (w + s w*) / (1 + s)`` with ``s = rate lambda F``:
    stable whatever its strength, where an explicit step diverges above ``s = 2``.

    Parameters
    ----------
    router, ewc
    lessons : RouterBatch
        This cycle's and replayed ones.
    config : BackgroundLearningConfig
        Its `batch_size`, `learning_rate` and `ewc_lambda` act.
    epochs : int
    seed : int
        Of the order.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    return router.descend(
        lessons,
        rng.permuted(np.tile(np.arange(len(lessons.actions)), (epochs, 1)), axis=1),
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        anchor=ewc.anchor,
        pull=config.learning_rate * config.ewc_lambda * ewc.fisher,
    )


def measure_fisher(
    router: FastGRNNRouter,
    lessons: RouterBatch,
    config: BackgroundLearningConfig,
    *,
    seed: int = 0,
) -> Floats:
    """Return the Fisher information of `fisher_samples` lessons drawn at random."""
    rng = np.random.Generator(np.random.Philox(seed))
    chosen = rng.permutation(len(lessons.actions))[: config.fisher_samples]
    return router.fisher(lessons.features[chosen], lessons.actions[chosen])
