"""The router: which model should answer a question, by a FastGRNN cell and one logit per model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.kernels import descend_fastgrnn, fisher_fastgrnn, forward_fastgrnn
from engrain.loops.cell import (
    Floats,
    Parts,
    part_weights,
    run_cell,
    sigmoid,
    write_fisher,
    write_gradient,
)
from engrain.loops.signals import RouterSample


class RouterBatch(NamedTuple):
    """What a router learns from.

    Attributes
    ----------
    features : ndarray, shape (n, dim) or (n, steps, dim)
    actions : ndarray of int64, shape (n,)
        The model that answered each.
    targets : ndarray, shape (n,) or (n, models)
        Outcomes in [0, 1], less what lateness cost: of the model that answered, the others then
        learn nothing; or of every model, NaN where it is not known.
    """

    features: Floats
    actions: I64Array
    targets: Floats

    def rows(self, chosen: I64Array | slice) -> RouterBatch:
        """Return the lessons at these places."""
        return RouterBatch(self.features[chosen], self.actions[chosen], self.targets[chosen])

    def joined(self, other: RouterBatch) -> RouterBatch:
        """Return these lessons and then the others."""
        return RouterBatch(
            np.concatenate([self.features, other.features]),
            np.concatenate([self.actions, other.actions]),
            np.concatenate([self.targets, other.targets]),
        )


class FastGRNNRouter:
    """A FastGRNN cell that reads a question, and the outcome it expects of each model.

    W and U are shared by gate and candidate, as published::

        z = sigmoid(W x + U h + b_z),    c = tanh(W x + U h + b_h),
        h' = (zeta (1 - z) + nu) c + z h,    outcome = sigmoid(V h' + b)

    Parameters
    ----------
    dim : int
        Width of the features.
    models : int
    hidden : int
    lateness : float
        What each unit of latency above its target takes from an outcome, at least 0.
    gain : float
        What features are multiplied by, above 0: 3 brings vectors of length 1 into the cell's
        curved range.
    seed : int
    dtype : {float64, float32}
        float32 trains in half the time.

    References
    ----------
    Kusupati et al. (2018), FastGRNN.
    """

    def __init__(
        self,
        dim: int,
        models: int,
        *,
        hidden: int = 32,
        lateness: float = 0.0,
        gain: float = 1.0,
        seed: int = 0,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        if min(dim, models, hidden) < 1:
            raise ConfigError(
                "dim, models, hidden: expected sizes of at least 1, got "
                f"{dim}, {models} and {hidden}"
            )
        if not (0.0 <= lateness < np.inf and 0.0 < gain < np.inf):
            raise ConfigError(
                "lateness, gain: expected finite numbers of at least 0 and above 0, got "
                f"{lateness} and {gain}"
            )
        self.dim, self.models, self.hidden = dim, models, hidden
        self.lateness, self.gain = lateness, gain
        count = hidden * (dim + hidden + 2 + models) + 2 + models
        self._weights: Floats = np.zeros(count, dtype=dtype)
        self._views = self._parted(self._weights)
        rng = np.random.Generator(np.random.Philox(seed))
        for name, width in (("W", dim), ("U", hidden)):
            view = self._views[name]
            view[:] = rng.standard_normal(view.shape) / np.sqrt(width)
        # the published start: zeta near .73, nu near .02, a gate that is open
        self._views["b_z"][:], self._views["b_h"][:] = 1.0, 0.0
        self._views["zeta"][:], self._views["nu"][:] = 1.0, -4.0

    def forward(self, features: Floats) -> Floats:
        """Return the outcome expected of each model.

        Parameters
        ----------
        features : ndarray, shape (n, dim) or (n, steps, dim)

        Returns
        -------
        ndarray, shape (n, models), in (0, 1)

        Raises
        ------
        ShapeError, NonFiniteError
        """
        rows = self._known(features)
        return sigmoid(self._logits(rows if rows.ndim == 3 else np.ascontiguousarray(rows)))

    def choose(self, features: Floats) -> int:
        """Return the model of the best expected outcome for one question, in a few microseconds.

        Parameters
        ----------
        features : ndarray, shape (dim,)

        Raises
        ------
        ShapeError, NonFiniteError
        """
        if features.shape != (self.dim,):
            raise ShapeError(f"features: expected shape ({self.dim},), got {features.shape}")
        row = np.ascontiguousarray(features, dtype=self._weights.dtype)[None]
        logits = self._logits(row)[0]
        best = int(logits.argmax())
        if not math.isfinite(logits[best]):
            raise NonFiniteError("features: contain NaN or infinity")
        return best

    def _logits(self, rows: Floats) -> Floats:
        if self._compiled and rows.ndim == 2:
            return forward_fastgrnn(
                self._weights, rows, hidden=self.hidden, models=self.models, gain=self.gain
            )
        return run_cell(self._views, self._sequences(rows)).logits

    def gradient(
        self, features: Floats, actions: I64Array, targets: Floats
    ) -> tuple[float, Floats]:
        """Return the mean log-loss of the models whose outcome is known, and its gradient.

        Parameters
        ----------
        features, actions, targets
            As in `RouterBatch`.

        Returns
        -------
        loss : float
        gradient : ndarray, shape (weights,)
            Through all steps of the cell.
        """
        return self._gradient(self._sequences(features), actions, targets)

    def _gradient(self, x: Floats, actions: I64Array, targets: Floats) -> tuple[float, Floats]:
        flat = np.empty_like(self._weights)
        loss = write_gradient(self._views, x, actions, targets, self._parted(flat))
        return loss, flat

    def fisher(self, features: Floats, actions: I64Array) -> Floats:
        """Return the exact diagonal Fisher information, averaged over samples.

        For a Bernoulli outcome it is ``p (1 - p) (d logit / d w)^2``: the expectation over the
        model's own outcomes, not the squares of gradients at observed ones (Kunstner 2019).
        """
        if self._compiled and features.ndim == 2 and len(features):
            known = np.ascontiguousarray(self._known(features))
            return fisher_fastgrnn(
                self._weights, known, actions, hidden=self.hidden, gain=self.gain
            )
        x, flat = self._sequences(features), np.empty_like(self._weights)
        write_fisher(self._views, x, actions, self._parted(flat))
        return flat / max(len(x), 1)

    def batch(self, samples: Sequence[RouterSample]) -> RouterBatch:
        """Return samples as arrays, their outcomes less the cost of lateness.

        Raises
        ------
        ShapeError
            Widths differ, or an action names no model.
        """
        features = np.asarray([s.features for s in samples], dtype=self._weights.dtype)
        actions = np.array([s.action for s in samples], dtype=np.int64)
        outcomes = np.array([s.outcome for s in samples])
        return self.lessons(features, actions, outcomes, np.array([s.cost for s in samples]))

    def lessons(
        self, features: Floats, actions: I64Array, outcomes: Floats, costs: Floats
    ) -> RouterBatch:
        """Return what whole arrays of samples teach; see `RouterSample` for their meaning.

        Raises
        ------
        ShapeError
            Another width, or an action names no model.
        """
        known = self._known(features)
        if len(actions) and not (actions.min() >= 0 and actions.max() < self.models):
            raise ShapeError(
                f"action: expected 0..{self.models - 1}, got {actions.min()}..{actions.max()}"
            )
        late = np.maximum(costs - 1.0, 0.0)
        targets = np.clip(outcomes - self.lateness * late, 0.0, 1.0)
        dtype = self._weights.dtype
        return RouterBatch(known, actions, targets.astype(dtype))

    def get_weights(self) -> Floats:
        """Return a copy of all weights, shape (weights,)."""
        return self._weights.copy()

    def set_weights(self, weights: Floats) -> None:
        """Take over what `get_weights` returned.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        self._check(weights, "weights")
        self._weights[:] = weights

    def apply_gradients(self, gradients: Floats, learning_rate: float) -> None:
        """Step all weights by ``-learning_rate * gradients``.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        self._check(gradients, "gradients")
        self._weights -= learning_rate * gradients

    def descend(
        self,
        lessons: RouterBatch,
        order: I64Array,
        *,
        batch_size: int,
        learning_rate: float,
        anchor: Floats,
        pull: Floats,
    ) -> float:
        """Take epochs of steps and return the mean loss of the last.

        After each step the weights move toward an anchor, ``w <- (w + s w*) / (1 + s)``.

        Parameters
        ----------
        lessons : RouterBatch
        order : ndarray of int64, shape (n,) or (epochs, n)
            In which the lessons are seen.
        batch_size : int
        learning_rate : float
        anchor, pull : ndarray, shape (weights,)
            w* and s, at least 0.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        dtype, orders = self._weights.dtype, np.atleast_2d(order)
        kept = (1.0 / (1.0 + pull)).astype(dtype)
        added = (pull * anchor / (1.0 + pull)).astype(dtype)
        before, loss = self.get_weights(), 0.0
        try:
            if self._compiled and lessons.features.ndim == 2:
                x, told = np.ascontiguousarray(self._known(lessons.features)), self._told(lessons)
                loss = descend_fastgrnn(
                    self._weights,
                    x,
                    told,
                    orders,
                    hidden=self.hidden,
                    gain=self.gain,
                    batch=batch_size,
                    rate=learning_rate,
                    kept=kept,
                    added=added,
                )
            else:
                scaled = lessons._replace(features=self._sequences(lessons.features))
                for epoch in orders:
                    starts = range(0, len(epoch), batch_size)
                    batches = [scaled.rows(epoch[i : i + batch_size]) for i in starts]
                    loss = self._epoch(batches, learning_rate, kept, added)
        except NonFiniteError:
            self._weights[:] = before
            raise
        return loss

    def _epoch(
        self, batches: Sequence[RouterBatch], rate: float, kept: Floats, added: Floats
    ) -> float:
        losses = []
        for batch in batches:
            loss, gradient = self._gradient(*batch)
            losses.append(loss)
            self._weights -= self._weights.dtype.type(rate) * gradient
            self._weights *= kept
            self._weights += added
        self._check(self._weights, "weights")
        return float(np.mean(losses)) if losses else 0.0

    @property
    def _compiled(self) -> bool:
        """Whether the compiled cell can run: in float32, and over one step."""
        return bool(self._weights.dtype == np.float32)

    def _told(self, lessons: RouterBatch) -> Floats:
        """Return what is known of every model, NaN elsewhere, shape (n, models)."""
        if lessons.targets.ndim == 2:
            return np.ascontiguousarray(lessons.targets)
        told = np.full((len(lessons.targets), self.models), np.nan, dtype=self._weights.dtype)
        told[np.arange(len(told)), lessons.actions] = lessons.targets
        return told

    def _check(self, values: Floats, name: str) -> None:
        if values.shape != self._weights.shape:
            raise ShapeError(f"{name}: expected shape {self._weights.shape}, got {values.shape}")
        if not np.isfinite(values).all():
            raise NonFiniteError(f"{name}: contains NaN or infinity; lower the learning rate")

    def _sequences(self, features: Floats) -> Floats:
        """Return features as the cell reads them, shape (n, steps, dim)."""
        x = self._known(features)
        x = x[:, None] if x.ndim == 2 else x
        return x if self.gain == 1.0 else x * x.dtype.type(self.gain)

    def _known(self, features: Floats) -> Floats:
        """Refuse features of another shape, NaN and infinity."""
        x: Floats = np.asarray(features, dtype=self._weights.dtype)
        if x.ndim not in (2, 3) or 0 in x.shape[1:] or x.shape[-1] != self.dim:
            raise ShapeError(
                f"features: expected (n, {self.dim}) or (n, steps, {self.dim}), got "
                f"{np.shape(features)}"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            total = x.sum()  # if finite, it says so in one pass, with one turn of the interpreter
        if not math.isfinite(total) and not np.isfinite(x).all():
            raise NonFiniteError("features: contain NaN or infinity")
        return x

    def _parted(self, flat: Floats) -> Parts:
        return part_weights(flat, self.dim, self.models, self.hidden)
