"""How far to trust a recall: probabilities that are learned online and stay calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.memory.confidence import SHAPE_FEATURES

State = dict[str, npt.NDArray[Any]]

BOUND = 0.005  # probabilities stay in [BOUND, 1 - BOUND]
START = 0.8  # share of recalls that succeed, before any is known
STEPS = 8.0  # standard deviations at which a feature is cut


def sigmoid(x: float) -> float:
    """Return 1 / (1 + e^-x)."""
    return float(1.0 / (1.0 + np.exp(-min(max(x, -30.0), 30.0))))


def _clipped(p: float) -> float:
    return min(max(p, BOUND), 1.0 - BOUND)


class StreamingMap:
    """A logistic regression of few inputs that forgets slowly and starts at a given map.

    One Newton step per observation on the log-loss of recent ones (online Laplace); the prior
    fades as they do.

    Parameters
    ----------
    start : sequence of float, shape (inputs,)
        Weights of the prior.
    ridge : float
        Its strength, in observations.
    memory : float
        Observations after which one has lost 63 % of its weight.
    """

    def __init__(self, start: npt.ArrayLike, ridge: float = 100.0, memory: float = 500.0) -> None:
        if not (0.0 < ridge < np.inf and memory >= 1.0):
            raise ConfigError(f"expected ridge > 0 and memory >= 1, got {ridge!r}, {memory!r}")
        self._start: F64Array = np.array(start, np.float64)
        self._least = np.eye(len(self._start))
        self._keep = 1.0 - 1.0 / memory
        self._weights, self._hessian = self._start.copy(), ridge * self._least

    def of(self, inputs: F64Array) -> float:
        """Return the probability for inputs, shape (inputs,)."""
        return sigmoid(float(self._weights @ inputs))

    def learn(self, inputs: F64Array, success: bool) -> None:
        """Take one observation in."""
        p = self.of(inputs)
        curvature = max(p * (1.0 - p), 1e-3)
        held = self._keep * self._hessian + (1.0 - self._keep) * self._least
        self._hessian = held + curvature * np.outer(inputs, inputs)
        self._weights = self._weights + np.linalg.solve(
            self._hessian, (float(success) - p) * inputs
        )

    def state(self) -> State:
        """Return the whole learned state as named arrays."""
        return {"weights": self._weights.copy(), "hessian": self._hessian.copy()}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        if state["weights"].shape != self._start.shape:
            raise SnapshotError(f"weights: expected shape {self._start.shape}")
        self._weights = np.array(state["weights"], np.float64)
        self._hessian = np.array(state["hessian"], np.float64)


class StreamingPlatt(StreamingMap):
    """``sigmoid(a logit(p) + b)``, starting at the identity (Platt 1999)."""

    def __init__(self, ridge: float = 100.0, memory: float = 500.0) -> None:
        super().__init__((1.0, 0.0), ridge, memory)

    def predict(self, p: float) -> float:
        """Return the calibrated probability."""
        return self.of(_platt_inputs(p))

    def update(self, p: float, success: bool) -> None:
        """Learn from a probability and what came of it."""
        self.learn(_platt_inputs(p), success)


class StreamingBeta(StreamingMap):
    """``sigmoid(a log p - b log(1 - p) + c)``, starting at the identity (Kull et al. 2017)."""

    def __init__(self, ridge: float = 100.0, memory: float = 500.0) -> None:
        super().__init__((1.0, 1.0, 0.0), ridge, memory)

    def predict(self, p: float) -> float:
        """Return the calibrated probability."""
        return self.of(_beta_inputs(p))

    def update(self, p: float, success: bool) -> None:
        """Learn from a probability and what came of it."""
        self.learn(_beta_inputs(p), success)


def _platt_inputs(p: float) -> F64Array:
    p = _clipped(p)
    return np.array([np.log(p / (1.0 - p)), 1.0])


def _beta_inputs(p: float) -> F64Array:
    p = _clipped(p)
    return np.array([np.log(p), -np.log(1.0 - p), 1.0])


class OnlineLogistic:
    """Bayesian logistic regression on many features: one Laplace step per observation.

    What was learned loses certainty with time, never more than the prior had.

    The predictive probability is that of MacKay (1992), ``sigmoid(m / sqrt(1 + pi s^2 / 8))``.

    Parameters
    ----------
    features : int
    ridge : float
        Precision of the prior on each weight; the intercept has precision 1.
    intercept : float
        Where it starts.
    memory : float
        Observations after which one has lost 63 % of its weight.
    """

    def __init__(
        self, features: int, ridge: float, intercept: float = 0.0, memory: float = 500.0
    ) -> None:
        self._covariance: F64Array = np.eye(features + 1) / ridge
        self._covariance[-1, -1] = 1.0
        self._prior = np.diag(self._covariance).copy()
        self._keep = 1.0 - 1.0 / memory
        self._weights: F64Array = np.zeros(features + 1)
        self._weights[-1] = intercept

    def predict(self, x: F64Array) -> float:
        """Return the probability for features with a 1 at the end."""
        spread = float(x @ self._covariance @ x)
        return sigmoid(float(self._weights @ x) / float(np.sqrt(1.0 + np.pi * spread / 8.0)))

    def update(self, x: F64Array, success: bool) -> None:
        """Take one observation in."""
        z = self._covariance @ x
        p = sigmoid(float(self._weights @ x))
        curvature = max(p * (1.0 - p), 1e-3)
        q = 1.0 + curvature * float(x @ z)
        self._weights += z * ((float(success) - p) / q)
        self._covariance -= np.outer(z, z) * (curvature / q)
        self._covariance /= self._keep
        shrink = np.sqrt(np.minimum(1.0, self._prior / np.diag(self._covariance)))
        self._covariance *= shrink[:, None] * shrink

    def state(self) -> State:
        """Return the whole learned state as named arrays."""
        return {"weights": self._weights.copy(), "covariance": self._covariance.copy()}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self._weights = np.array(state["weights"], np.float64)
        self._covariance = np.array(state["covariance"], np.float64)


class Rate:
    """The share of successes, forgetting slowly; starts at `START` with the weight of 2."""

    def __init__(self, memory: float = 1000.0) -> None:
        self._keep = 1.0 - 1.0 / memory
        self._counts: F64Array = np.array([2.0 * START, 2.0 * (1.0 - START)])

    def predict(self, x: F64Array) -> float:
        """Return the share; features do not matter."""
        return float(self._counts[0] / self._counts.sum())

    def update(self, x: F64Array, success: bool) -> None:
        """Count one observation."""
        self._counts *= self._keep
        self._counts[0 if success else 1] += 1.0

    def state(self) -> State:
        """Return the whole learned state as named arrays."""
        return {"counts": self._counts.copy()}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self._counts = np.array(state["counts"], np.float64)


class RecallConfidence:
    """The probability that a relevant memory is among the shown.

    Experts from the plain rate of successes to regressions on all features, each of long and of
    short memory, are mixed by how well they predicted so far, with a share for those that may be
    right after a change (fixed share; Herbster & Warmuth 1998); a streaming Platt map calibrates
    the mixture. So it is never much worse than the rate alone, and follows drift. Implements
    `Calibrator`; hangs into a memory by the name "confidence".

    Parameters
    ----------
    share : float
        Of the mixture that returns to its prior with each observation.
    """

    PRIOR = np.array([0.4, 0.2, 0.15, 0.1, 0.05, 0.05, 0.05])
    PRIOR.flags.writeable = False

    def __init__(self, share: float = 0.005) -> None:
        if not 0.0 <= share <= 1.0:
            raise ConfigError(f"share: expected a number in [0, 1], got {share!r}")
        self._share = share
        self._start(0)

    def _start(self, features: int) -> None:
        self._features, self._seen = features, 0
        self._mean, self._square = np.zeros(features), np.ones(features)
        self._mix: F64Array = self.PRIOR.copy()
        self._platt, intercept = StreamingPlatt(memory=300.0), float(np.log(START / (1.0 - START)))
        shape = min(features, SHAPE_FEATURES)
        self._experts: tuple[Rate | OnlineLogistic, ...] = (
            Rate(),
            Rate(memory=60.0),
            OnlineLogistic(shape, 10.0, intercept),
            OnlineLogistic(shape, 10.0, intercept, memory=80.0),
            OnlineLogistic(features, 10.0, intercept),
            OnlineLogistic(features, 100.0, intercept),
            OnlineLogistic(features, 100.0, intercept, memory=100.0),
        )

    def predict(self, features: F32Array) -> float:
        """Return a probability for one recall.

        Parameters
        ----------
        features : ndarray of float32, shape (f,)
            See `recall_features`; f must not change.
        """
        return self._platt.predict(self.mixed(features))

    def mixed(self, features: F32Array) -> float:
        """Return the mixture's probability before the last step calibrates it."""
        return float(self._mix @ self._opinions(self._inputs(features)))

    def update(self, features: F32Array, success: bool) -> None:
        """Learn from one recall whose success is known."""
        inputs = self._inputs(features)
        opinions = self._opinions(inputs)
        self._platt.update(float(self._mix @ opinions), success)
        mix = self._mix * (opinions if success else 1.0 - opinions)
        self._mix = (1.0 - self._share) * mix / mix.sum() + self._share * self.PRIOR
        for expert, x in zip(self._experts, inputs, strict=True):
            expert.update(x, success)
        self._measure(np.asarray(features, np.float64))

    def _opinions(self, inputs: tuple[F64Array, ...]) -> F64Array:
        pairs = zip(self._experts, inputs, strict=True)
        return np.array([_clipped(expert.predict(x)) for expert, x in pairs])

    def _inputs(self, features: F32Array) -> tuple[F64Array, ...]:
        if features.ndim != 1 or (self._features and len(features) != self._features):
            raise ShapeError(f"features: expected shape ({self._features},), got {features.shape}")
        if not np.isfinite(features).all():
            raise NonFiniteError("features: contain NaN or infinity")
        if not self._features:
            self._start(len(features))
        scaled = (features - self._mean) / np.sqrt(self._square / (self._seen + 1))
        whole = np.append(np.clip(scaled, -STEPS, STEPS), 1.0)
        shape = np.append(whole[: min(self._features, SHAPE_FEATURES)], 1.0)
        return whole, whole, shape, shape, whole, whole, whole

    def _measure(self, features: F64Array) -> None:
        """Follow the mean and spread of each feature (Welford 1962)."""
        self._seen += 1
        away = features - self._mean
        self._mean += away / self._seen
        self._square += away * (features - self._mean)

    def state(self) -> State:
        """Return the whole learned state as named arrays."""
        held: State = {
            "size": np.array([self._features, self._seen], np.int64),
            "mean": self._mean.copy(),
            "square": self._square.copy(),
            "mix": self._mix.copy(),
        }
        for name, part in self._parts().items():
            held |= {f"{name}/{key}": array for key, array in part.state().items()}
        return held

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            Arrays are missing or do not fit.
        """
        try:
            features, seen = state["size"].tolist()
            self._start(int(features))
            self._seen = int(seen)
            self._mean = np.array(state["mean"], np.float64)
            self._square = np.array(state["square"], np.float64)
            self._mix = np.array(state["mix"], np.float64)
            for name, part in self._parts().items():
                part.load({key: state[f"{name}/{key}"] for key in part.state()})
        except (KeyError, ValueError) as error:
            raise SnapshotError(f"a calibrator's state does not fit: {error}") from error

    def _parts(self) -> dict[str, StreamingPlatt | Rate | OnlineLogistic]:
        return {"platt": self._platt} | {str(n): e for n, e in enumerate(self._experts)}


def calibration_error(
    probabilities: npt.ArrayLike,
    successes: npt.ArrayLike,
    bins: int = 15,
    *,
    groups: npt.ArrayLike | None = None,
) -> float:
    """Return the debiased root mean squared calibration error over bins of equal mass.

    ``sqrt(max(0, sum_b n_b/n ((p_b - y_b)^2 - v_b)))`` where v_b is what chance alone makes of the
    first: ``y_b (1 - y_b) / (n_b - 1)`` (Kumar, Liang & Ma 2019). Observations of one group, such
    as one question asked in several streams, mostly come out alike and tell little more than one:
    then v_b is the variance of a mean of clusters (Liang & Zeger 1986).

    Parameters
    ----------
    probabilities : array_like, shape (n,)
    successes : array_like of bool, shape (n,)
    bins : int
        Fewer where a bin would hold less than 10.
    groups : array_like of int, shape (n,), optional
        Whose observation each is. Default: all are independent.

    Raises
    ------
    ShapeError
        Lengths disagree, or there are fewer than 2.
    """
    p, y = np.asarray(probabilities, np.float64), np.asarray(successes, np.float64)
    if p.ndim != 1 or p.shape != y.shape or len(p) < 2:
        raise ShapeError(f"expected two arrays of one shape (n,), n > 1, got {p.shape}, {y.shape}")
    owner = None if groups is None else np.asarray(groups)
    if owner is not None and owner.shape != p.shape:
        raise ShapeError(f"groups: expected shape {p.shape}, got {owner.shape}")
    total = 0.0
    for part in np.array_split(np.argsort(p, kind="stable"), max(1, min(bins, len(p) // 10))):
        error = float(p[part].mean() - y[part].mean())
        if owner is None:
            rate = float(y[part].mean())
            chance = rate * (1.0 - rate) / (len(part) - 1)
        else:
            chance = _clustered_variance(p[part] - y[part], owner[part])
        total += len(part) / len(p) * (error**2 - chance)
    return float(np.sqrt(max(0.0, total)))


def _clustered_variance(values: F64Array, groups: npt.NDArray[Any]) -> float:
    """Return the variance of the mean of values that are independent between groups only."""
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, weights=values - values.mean())
    n = len(sums)
    return float((sums**2).sum()) / len(values) ** 2 * n / max(n - 1, 1)


def brier_score(probabilities: npt.ArrayLike, successes: npt.ArrayLike) -> float:
    """Return the mean of ``(p - y)^2`` (Brier 1950)."""
    p, y = np.asarray(probabilities, np.float64), np.asarray(successes, np.float64)
    return float(np.mean((p - y) ** 2))
