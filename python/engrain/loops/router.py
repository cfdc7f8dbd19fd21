"""The router: which model should answer a question, by a FastGRNN cell and one logit per model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engrain.base.arrays import F64Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.loops.signals import RouterSample


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
    seed : int

    References
    ----------
    Kusupati et al. (2018), FastGRNN.
    """

    def __init__(
        self, dim: int, models: int, *, hidden: int = 32, lateness: float = 0.0, seed: int = 0
    ) -> None:
        if min(dim, models, hidden) < 1 or not 0.0 <= lateness < np.inf:
            raise ConfigError(
                "dim, models, hidden, lateness: expected sizes of at least 1 and a finite number "
                f"of at least 0, got {dim}, {models}, {hidden} and {lateness}"
            )
        self.dim, self.models, self.hidden, self.lateness = dim, models, hidden, lateness
        self._shapes = {
            "W": (hidden, dim),
            "U": (hidden, hidden),
            "b_z": (hidden,),
            "b_h": (hidden,),
            "zeta": (1,),
            "nu": (1,),
            "V": (models, hidden),
            "b": (models,),
        }
        self._weights: F64Array = np.zeros(sum(map(int, map(np.prod, self._shapes.values()))))
        self._views = self._parted(self._weights)
        rng = np.random.Generator(np.random.Philox(seed))
        for name, width in (("W", dim), ("U", hidden)):
            view = self._views[name]
            view[:] = rng.standard_normal(view.shape) / np.sqrt(width)
        # the published start: zeta near .73, nu near .02, a gate that is open
        self._views["b_z"][:], self._views["b_h"][:] = 1.0, 0.0
        self._views["zeta"][:], self._views["nu"][:] = 1.0, -4.0

    def forward(self, features: F64Array) -> F64Array:
        """Return the outcome expected of each model.

        Parameters
        ----------
        features : ndarray, shape (n, dim) or (n, steps, dim)

        Returns
        -------
        ndarray of float64, shape (n, models), in (0, 1)

        Raises
        ------
        ShapeError, NonFiniteError
        """
        logits, _ = self._run(self._sequences(features))
        return _sigmoid(logits)

    def gradient(
        self, features: F64Array, actions: I64Array, targets: F64Array
    ) -> tuple[float, F64Array]:
        """Return the mean log-loss of the models that answered, and its gradient.

        Parameters
        ----------
        features : ndarray, shape (n, dim) or (n, steps, dim)
        actions : ndarray of int64, shape (n,)
            The model that answered each; others learn nothing from it.
        targets : ndarray of float64, shape (n,)
            Outcomes in [0, 1].

        Returns
        -------
        loss : float
        gradient : ndarray of float64, shape (weights,)
            Through all steps of the cell.
        """
        x = self._sequences(features)
        logits, states = self._run(x)
        rows = np.arange(len(x))
        chosen = logits[rows, actions]
        loss = float(np.mean(np.logaddexp(0.0, chosen) - targets * chosen))
        delta = np.zeros_like(logits)
        delta[rows, actions] = (_sigmoid(chosen) - targets) / len(x)
        return loss, self._back(x, states, delta)

    def fisher(self, features: F64Array, actions: I64Array) -> F64Array:
        """Return the exact diagonal Fisher information, averaged over samples.

        For a Bernoulli outcome it is ``p (1 - p) (d logit / d w)^2``: the expectation over the
        model's own outcomes, not the squares of gradients at observed ones (Kunstner 2019).
        """
        x = self._sequences(features)
        total = np.zeros_like(self._weights)
        for one, action in zip(x[:, None], actions, strict=True):
            logits, states = self._run(one)
            delta = np.zeros_like(logits)
            delta[0, action] = 1.0
            p = _sigmoid(logits[0, action])
            total += p * (1.0 - p) * self._back(one, states, delta) ** 2
        return total / max(len(x), 1)

    def batch(self, samples: Sequence[RouterSample]) -> tuple[F64Array, I64Array, F64Array]:
        """Return features, actions and outcomes less the cost of lateness.

        Raises
        ------
        ShapeError
            Widths differ, or an action names no model.
        """
        x = self._sequences(np.asarray([s.features for s in samples], dtype=np.float64))
        actions = np.array([s.action for s in samples], dtype=np.int64)
        if len(actions) and not (actions.min() >= 0 and actions.max() < self.models):
            raise ShapeError(
                f"action: expected 0..{self.models - 1}, got {actions.min()}..{actions.max()}"
            )
        late = np.maximum([s.cost - 1.0 for s in samples], 0.0)
        outcomes = np.array([s.outcome for s in samples], dtype=np.float64)
        return x, actions, np.clip(outcomes - self.lateness * late, 0.0, 1.0)

    def get_weights(self) -> F64Array:
        """Return a copy of all weights, shape (weights,)."""
        return self._weights.copy()

    def set_weights(self, weights: F64Array) -> None:
        """Take over what `get_weights` returned.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        self._check(weights, "weights")
        self._weights[:] = weights

    def apply_gradients(self, gradients: F64Array, learning_rate: float) -> None:
        """Step all weights by ``-learning_rate * gradients``.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        self._check(gradients, "gradients")
        self._weights -= learning_rate * gradients

    def _check(self, values: F64Array, name: str) -> None:
        if values.shape != self._weights.shape:
            raise ShapeError(f"{name}: expected shape {self._weights.shape}, got {values.shape}")
        if not np.isfinite(values).all():
            raise NonFiniteError(f"{name}: contains NaN or infinity; lower the learning rate")

    def _sequences(self, features: F64Array) -> F64Array:
        x: F64Array = np.asarray(features, dtype=np.float64)
        x = x[:, None] if x.ndim == 2 else x
        if x.ndim != 3 or x.shape[1] < 1 or x.shape[2] != self.dim:
            raise ShapeError(
                f"features: expected (n, {self.dim}) or (n, steps, {self.dim}), got "
                f"{np.shape(features)}"
            )
        if not np.isfinite(x).all():
            raise NonFiniteError("features: contain NaN or infinity")
        return x

    def _parted(self, flat: F64Array) -> dict[str, F64Array]:
        views, start = {}, 0
        for name, shape in self._shapes.items():
            end = start + int(np.prod(shape))
            views[name] = flat[start:end].reshape(shape)
            start = end
        return views

    def _run(self, x: F64Array) -> tuple[F64Array, list[F64Array]]:
        w = self._views
        zeta, nu = _sigmoid(w["zeta"]), _sigmoid(w["nu"])
        h: F64Array = np.zeros((len(x), self.hidden))
        states = [h]
        for t in range(x.shape[1]):
            z, c = self._gates(x[:, t], h)
            h = (zeta * (1.0 - z) + nu) * c + z * h
            states.append(h)
        return h @ w["V"].T + w["b"], states

    def _gates(self, x: F64Array, h: F64Array) -> tuple[F64Array, F64Array]:
        w = self._views
        shared = x @ w["W"].T + h @ w["U"].T
        return _sigmoid(shared + w["b_z"]), np.tanh(shared + w["b_h"])

    def _back(self, x: F64Array, states: list[F64Array], delta: F64Array) -> F64Array:
        w, flat = self._views, np.zeros_like(self._weights)
        g = self._parted(flat)
        zeta, nu = _sigmoid(w["zeta"]), _sigmoid(w["nu"])
        g["V"][:], g["b"][:] = delta.T @ states[-1], delta.sum(0)
        dh = delta @ w["V"]
        for t in range(x.shape[1] - 1, -1, -1):
            h = states[t]
            z, c = self._gates(x[:, t], h)
            g["zeta"] += np.sum(dh * (1.0 - z) * c) * zeta * (1.0 - zeta)
            g["nu"] += np.sum(dh * c) * nu * (1.0 - nu)
            gate = dh * (h - zeta * c) * z * (1.0 - z)
            candidate = dh * (zeta * (1.0 - z) + nu) * (1.0 - c * c)
            shared = gate + candidate
            g["W"] += shared.T @ x[:, t]
            g["U"] += shared.T @ h
            g["b_z"] += gate.sum(0)
            g["b_h"] += candidate.sum(0)
            dh = dh * z + shared @ w["U"]
        return flat


def _sigmoid(x: F64Array) -> F64Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))
