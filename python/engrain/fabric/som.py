"""A self-organising map as a scikit-learn estimator: 2-D or 3-D, batch or online."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from engrain.base.arrays import F32Array, F64Array, I64Array
from engrain.base.errors import ConfigError
from engrain.kernels.som import accumulate_som, best_som_units, train_som_online

CHUNK = 16_384  # rows whose inner products with all units are held at once


class SelfOrganizingMap(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Kohonen's map, stable by construction: each update is a convex combination.

    Batch: ``w_u = sum_i h(best_i, u) x_i / sum_i h(best_i, u)``, ``h = exp(-d^2 / (2 sigma^2))``
    with d on the grid and sigma falling geometrically over the epochs. Online: ``w_u += rate h
    (x - w_u)`` with ``rate h <= 1``. Kohonen, Biol. Cybern. 43 (1982) 59-69; batch form: Kohonen,
    Neural Networks 37 (2013) 52-65.

    Parameters
    ----------
    map_size : 2 or 3 int
        Extents of the grid, each up to 256.
    n_epochs : int
        Passes of `fit`.
    sigma_start : float or None
        First width of the neighbourhood; None takes half the longest side.
    sigma_end : float
        Last width.
    learning_rate, final_learning_rate : float
        First and last rate of online learning, in (0, 1].
    horizon : int
        Inputs over which online learning cools down; afterwards it keeps the final rate and width.
    mode : {"batch", "online"}
        How `fit` learns. `partial_fit` is always online.
    init : {"pca", "sample"}
        Plane (or box) of the first principal components, or random inputs. `partial_fit` starts
        from inputs.
    random_state : int, RandomState or None

    Attributes
    ----------
    weights_ : ndarray of float32, shape (units, features)
    labels_ : ndarray of int64, shape (n,)
        Best units of the last training data.
    quantization_error_, topographic_error_ : float
        Of the last training data (running mean of the former after `partial_fit`).
    hits_ : ndarray of int64, shape (units,)
        How often each unit won in training.
    n_seen_ : int
        Inputs seen online.
    """

    def __init__(
        self,
        map_size: Sequence[int] = (13, 13),
        *,
        n_epochs: int = 30,
        sigma_start: float | None = None,
        sigma_end: float = 0.5,
        learning_rate: float = 0.5,
        final_learning_rate: float = 0.01,
        horizon: int = 10_000,
        mode: Literal["batch", "online"] = "batch",
        init: Literal["pca", "sample"] = "pca",
        random_state: Any = None,
    ) -> None:
        self.map_size = map_size
        self.n_epochs = n_epochs
        self.sigma_start = sigma_start
        self.sigma_end = sigma_end
        self.learning_rate = learning_rate
        self.final_learning_rate = final_learning_rate
        self.horizon = horizon
        self.mode = mode
        self.init = init
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> SelfOrganizingMap:
        """Learn the map from X, shape (n, features), from scratch."""
        x = self._validated(X, reset=True)
        self._check_settings()
        self._start(x, self.init)
        if self.mode == "batch":
            places = self._places()
            squares = ((places[:, None] - places) ** 2).sum(-1).astype(np.float64)
            for epoch in range(self.n_epochs):
                self._batch_epoch(x, self._sigma_at(epoch / max(1, self.n_epochs - 1)), squares)
        else:
            order = check_random_state(self.random_state)
            for _ in range(self.n_epochs):
                self._learn_online(x[order.permutation(len(x))], self.n_epochs * len(x))
        self._summarise(x)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> SelfOrganizingMap:
        """Go on learning online from X, shape (n, features)."""
        fresh = not hasattr(self, "weights_")
        x = self._validated(X, reset=fresh)
        if fresh:
            self._check_settings()
            self._start(x, "sample")
        self.labels_ = self._learn_online(x, self.horizon)
        return self

    def predict(self, X: Any) -> I64Array:
        """Return the number of the best unit of each row, shape (n,)."""
        return self._best(self._checked(X))[0]

    def transform(self, X: Any) -> F64Array:
        """Return the distance of each row to each unit, shape (n, units)."""
        x = self._checked(X).astype(np.float64)
        w = self.weights_.astype(np.float64)
        squares = (x**2).sum(1)[:, None] - 2 * x @ w.T + (w**2).sum(1)
        return np.asarray(np.sqrt(np.maximum(squares, 0)))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of the columns of `transform`."""
        check_is_fitted(self, "weights_")
        return np.array([f"unit{u}" for u in range(len(self.weights_))], dtype=object)

    def errors(self, X: Any) -> tuple[float, float]:
        """Return the quantization and the topographic error of X.

        The first is the mean distance to the best unit; the second the share of rows whose second
        best unit is no neighbour (8 of them on a 2-D grid, 26 on a 3-D one) of the best.
        """
        x = self._checked(X)
        best, second = self._best(x)
        places = self._places()
        apart = np.abs(places[best] - places[second]).max(1) > 1
        return float(self._distances(x, best).mean()), float(apart.mean())

    def get_activation_map(self, X: Any) -> F64Array:
        """Return ``1 / (1 + distance)`` per unit, averaged over the rows of X, as a map.

        Inference only: nothing is learned. X has shape (..., features); leading axes are rows.
        """
        rows = np.asarray(X)
        distances = self.transform(rows.reshape(-1, rows.shape[-1]))
        activation: F64Array = (1 / (1 + distances)).mean(0).reshape(tuple(self.map_size))
        return activation

    def get_training_status(self) -> dict[str, Any]:
        """Return whether and how well the map is trained; works before any training."""
        if not hasattr(self, "weights_"):
            return {
                "trained": False, "utilization_fraction": 0.0, "total_hits": 0,
                "recent_quant_error": math.inf, "topographic_error": math.inf,
            }  # fmt: skip
        return {
            "trained": bool(self.hits_.sum() >= len(self.hits_)),
            "utilization_fraction": float((self.hits_ > 0).mean()),
            "total_hits": int(self.hits_.sum()),
            "recent_quant_error": float(self.quantization_error_),
            "topographic_error": float(self.topographic_error_),
        }

    def _check_settings(self) -> None:
        size = tuple(self.map_size)
        sides = len(size) in (2, 3) and min(size) >= 1 and max(size) <= 256
        if not sides or math.prod(size) < 2:
            raise ConfigError(f"map_size: expected 2 or 3 extents up to 256, got {size}")
        for name in ("learning_rate", "final_learning_rate"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"{name}: expected a number in (0, 1], got {getattr(self, name)}")
        widths = (self.sigma_end, self.sigma_end if self.sigma_start is None else self.sigma_start)
        if min(widths) <= 0 or self.n_epochs < 1 or self.horizon < 1:
            raise ConfigError("sigma_start, sigma_end, n_epochs and horizon must be > 0")
        if self.mode not in ("batch", "online") or self.init not in ("pca", "sample"):
            raise ConfigError(f"unknown mode {self.mode!r} or init {self.init!r}")

    def _validated(self, X: Any, reset: bool) -> F32Array:
        x = validate_data(self, X, reset=reset, dtype=[np.float32, np.float64], order="C")
        return np.ascontiguousarray(x, dtype=np.float32)

    def _checked(self, X: Any) -> F32Array:
        check_is_fitted(self, "weights_")
        return self._validated(X, reset=False)

    def _grid(self) -> tuple[int, int, int]:
        rows, columns, *depth = (int(n) for n in self.map_size)
        return rows, columns, depth[0] if depth else 1

    def _places(self) -> I64Array:
        axes = np.meshgrid(*map(np.arange, self._grid()), indexing="ij")
        return np.stack(axes, -1).reshape(-1, 3).astype(np.int64)

    def _start(self, x: F32Array, init: str) -> None:
        units = math.prod(self.map_size)
        rng = check_random_state(self.random_state)
        if init == "pca" and len(x) > 1:
            self.weights_ = self._principal_box(x)
        else:
            self.weights_ = x[rng.randint(0, len(x), units)].copy()
        self.hits_ = np.zeros(units, dtype=np.int64)
        self.n_seen_ = 0
        self.quantization_error_ = self.topographic_error_ = math.inf

    def _principal_box(self, x: F32Array) -> F32Array:
        mean = x.mean(0, dtype=np.float64)
        _, values, axes = np.linalg.svd(x - mean, full_matrices=False)
        weights = np.tile(mean, (math.prod(self.map_size), 1))
        for axis, extent in enumerate(self._grid()):
            if axis < len(values) and extent > 1:
                along = 4 * (self._places()[:, axis] / (extent - 1) - 0.5)
                weights += np.outer(along * values[axis] / math.sqrt(len(x)), axes[axis])
        return np.ascontiguousarray(weights, dtype=np.float32)

    def _sigma_at(self, progress: float) -> float:
        first = max(self.map_size) / 2 if self.sigma_start is None else self.sigma_start
        return float(first * (self.sigma_end / first) ** min(1.0, progress))

    def _best(self, x: F32Array) -> tuple[I64Array, I64Array]:
        norms = np.einsum("ud,ud->u", self.weights_, self.weights_)
        parts = [
            best_som_units(x[i : i + CHUNK] @ self.weights_.T, norms)
            for i in range(0, len(x), CHUNK)
        ]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _distances(self, x: F32Array, best: I64Array) -> F64Array:
        return np.asarray(np.linalg.norm((x - self.weights_[best]).astype(np.float64), axis=1))

    def _batch_epoch(self, x: F32Array, sigma: float, squares: F64Array) -> None:
        best, _ = self._best(x)
        sums, counts = accumulate_som(x, best, len(self.weights_))
        neighbourhood = np.exp(squares / (-2.0 * sigma * sigma))
        mass = neighbourhood @ counts
        held = mass > 1e-30
        means = (neighbourhood[held] @ sums) / mass[held, None]
        self.weights_[held] = means.astype(np.float32)

    def _learn_online(self, x: F32Array, horizon: int) -> I64Array:
        progress = np.minimum(1.0, (self.n_seen_ + np.arange(len(x))) / horizon)
        first = self._sigma_at(0.0)
        sigma = first * (self.sigma_end / first) ** progress
        fall = self.final_learning_rate / self.learning_rate
        rate = self.learning_rate * fall**progress
        best, distance = train_som_online(
            x, self.weights_, self._grid(), rate.astype(np.float32), sigma.astype(np.float32)
        )
        self.n_seen_ += len(x)
        self.hits_ += np.bincount(best, minlength=len(self.hits_))
        self._blend_error(float(distance.mean()), len(x))
        return best

    def _blend_error(self, error: float, count: int) -> None:
        keep = 0.99**count if math.isfinite(self.quantization_error_) else 0.0
        past = self.quantization_error_ if keep else 0.0
        self.quantization_error_ = keep * past + (1 - keep) * error

    def _summarise(self, x: F32Array) -> None:
        self.labels_, _ = self._best(x)
        self.hits_ = np.bincount(self.labels_, minlength=len(self.weights_)).astype(np.int64)
        self.quantization_error_, self.topographic_error_ = self.errors(x)
