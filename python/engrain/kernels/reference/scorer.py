"""Oracle of the inline scorer; Adam after Loshchilov & Hutter (2019)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array

_H = 32


def _split(parameters: npt.ArrayLike, inputs: int) -> list[F64Array]:
    sizes = np.cumsum([inputs * _H, _H, _H * _H, _H, _H])
    w1, b1, w2, b2, w3, b3 = np.split(np.asarray(parameters, np.float64), sizes)
    return [w1.reshape(inputs, _H), b1, w2.reshape(_H, _H), b2, w3, b3]


def _hidden_sums(parameters: npt.ArrayLike, features: npt.ArrayLike) -> tuple[F64Array, F64Array]:
    """Return what goes into the units of both hidden layers, each of shape (n, 32)."""
    x = np.asarray(features, np.float64)
    w1, b1, w2, b2, _, _ = _split(parameters, x.shape[1])
    first = x @ w1 + b1
    return first, np.maximum(first, 0) @ w2 + b2


def score_features(parameters: npt.ArrayLike, features: npt.ArrayLike) -> F64Array:
    """Return w3 . relu(W2' relu(W1' x + b1) + b2) + b3, shape (n,)."""
    *_, w3, b3 = _split(parameters, np.shape(features)[1])
    return np.asarray(np.maximum(_hidden_sums(parameters, features)[1], 0) @ w3 + b3)


def backpropagate(
    parameters: npt.ArrayLike, features: npt.ArrayLike, upstream: npt.ArrayLike
) -> F64Array:
    """Return d(sum_i upstream_i logit_i) / d parameters by the chain rule."""
    x, u = np.asarray(features, np.float64), np.asarray(upstream, np.float64)
    _, _, w2, _, w3, _ = _split(parameters, x.shape[1])
    first, second = (np.maximum(sums, 0) for sums in _hidden_sums(parameters, x))
    delta2 = np.outer(u, w3) * (second > 0)
    delta1 = delta2 @ w2.T * (first > 0)
    parts = [x.T @ delta1, delta1.sum(0), first.T @ delta2, delta2.sum(0), second.T @ u, [u.sum()]]
    return np.concatenate([np.ravel(part) for part in parts])


def adam_step(
    parameters: npt.ArrayLike,
    gradient: npt.ArrayLike,
    mean: npt.ArrayLike,
    square: npt.ArrayLike,
    step: int,
    *,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[F64Array, F64Array, F64Array]:
    """Return (parameters, mean, square) after one step."""
    p, g = np.asarray(parameters, np.float64), np.asarray(gradient, np.float64)
    m = beta1 * np.asarray(mean, np.float64) + (1 - beta1) * g
    v = beta2 * np.asarray(square, np.float64) + (1 - beta2) * g * g
    scale = np.sqrt(v / (1 - beta2**step)) + epsilon
    decayed = p * (1 - learning_rate * weight_decay)
    return decayed - learning_rate * m / (1 - beta1**step) / scale, m, v


def sgd_step(parameters: npt.ArrayLike, gradient: npt.ArrayLike, learning_rate: float) -> F64Array:
    """Return parameters - learning_rate gradient."""
    return np.asarray(parameters, np.float64) - learning_rate * np.asarray(gradient, np.float64)
