"""Elastic weight consolidation of the router, and its training under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.loops.config import BackgroundLearningConfig
from engrain.loops.router import FastGRNNRouter
from engrain.loops.signals import RouterSample


class EWCPlusPlusState:
    """Which weights matter, and where they were when that was learned.

    Parameters
    ----------
    weights : int
        Number of weights.
    gamma : float
        In [0, 1]: what an update keeps of the Fisher information before it,
        ``F <- gamma F + F_new``. 1 never forgets, 0 knows the last task only.

    Attributes
    ----------
    fisher, anchor : ndarray of float64, shape (weights,)
        The anchor is the latest optimum: found under the penalty, it already contains the earlier
        ones (Huszár 2018).

    References
    ----------
    Kirkpatrick et al. (2017); Schwarz et al. (2018), online EWC; Chaudhry et al. (2018), EWC++.
    """

    def __init__(self, weights: int, gamma: float = 0.95) -> None:
        if weights < 1 or not 0.0 <= gamma <= 1.0:
            raise ConfigError(
                "weights, gamma: expected at least 1 and a number in [0, 1], got "
                f"{weights} and {gamma}"
            )
        self.gamma = gamma
        self.fisher: F64Array = np.zeros(weights)
        self.anchor: F64Array = np.zeros(weights)

    def regularization_loss(self, weights: F64Array) -> float:
        """Return ``1/2 sum F (w - w*)^2``; the strength lambda is applied once, by the caller."""
        return float(0.5 * np.sum(self.fisher * (weights - self.anchor) ** 2))

    def gradient(self, weights: F64Array) -> F64Array:
        """Return ``F (w - w*)``."""
        return self.fisher * (weights - self.anchor)

    def update_fisher(self, fisher: F64Array, weights: F64Array) -> None:
        """Take note that `weights` solve a task of the Fisher information `fisher`.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        for name, values in (("fisher", fisher), ("weights", weights)):
            if values.shape != self.fisher.shape:
                raise ShapeError(f"{name}: expected shape {self.fisher.shape}, got {values.shape}")
            if not np.isfinite(values).all():
                raise NonFiniteError(f"{name}: contains NaN or infinity")
        self.fisher = self.gamma * self.fisher + fisher
        self.anchor = weights.copy()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything learned: restores bit for bit with `load`."""
        return {"fisher": self.fisher.copy(), "anchor": self.anchor.copy()}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what `state` returned.

        Raises
        ------
        ShapeError
            Another number of weights.
        """
        if any(state[name].shape != self.fisher.shape for name in ("fisher", "anchor")):
            raise ShapeError(f"fisher, anchor: expected shape {self.fisher.shape}")
        self.fisher, self.anchor = state["fisher"].copy(), state["anchor"].copy()


def train_router(
    router: FastGRNNRouter,
    samples: Sequence[RouterSample],
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
    samples : sequence of RouterSample
        This cycle's and replayed ones.
    config : BackgroundLearningConfig
        Its `batch_size`, `learning_rate` and `ewc_lambda` act.
    epochs : int
    seed : int
        Of the order.
    """
    x, actions, targets = router.batch(samples)
    rng = np.random.Generator(np.random.Philox(seed))
    pull = config.learning_rate * config.ewc_lambda * ewc.fisher
    losses: list[float] = []
    for _ in range(epochs):
        order, losses = rng.permutation(len(x)), []
        for start in range(0, len(x), config.batch_size):
            rows = order[start : start + config.batch_size]
            loss, gradient = router.gradient(x[rows], actions[rows], targets[rows])
            losses.append(loss)
            router.apply_gradients(gradient, config.learning_rate)
            router.set_weights((router.get_weights() + pull * ewc.anchor) / (1.0 + pull))
    return float(np.mean(losses)) if losses else 0.0


def measure_fisher(
    router: FastGRNNRouter,
    samples: Sequence[RouterSample],
    ewc: EWCPlusPlusState,
    config: BackgroundLearningConfig,
    *,
    seed: int = 0,
) -> None:
    """Update the state by the Fisher information of `fisher_samples` random samples."""
    if not len(samples):
        return
    rng = np.random.Generator(np.random.Philox(seed))
    chosen = rng.permutation(len(samples))[: config.fisher_samples]
    x, actions, _ = router.batch([samples[i] for i in chosen])
    ewc.update_fisher(router.fisher(x, actions), router.get_weights())
