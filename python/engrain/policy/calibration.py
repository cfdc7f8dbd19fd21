"""How far to trust a recall: a probability that is learned online and stays calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, F64Array, NamedArrays
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.memory.confidence import SHAPE_FEATURES
from engrain.policy.calibration_experts import START, FixedShare, OnlineLogistic, Rate
from engrain.policy.calibration_maps import StreamingPlatt, clipped

STEPS = 8.0  # standard deviations at which a feature is cut


class RecallConfidence:
    """The probability that a relevant memory is among the shown.

    Experts from the plain rate of successes to regressions on all features, each of long and of
    short memory, are mixed by how well they predicted so far (`FixedShare`); a streaming Platt map
    calibrates the mixture. So it is never much worse than the rate alone, and follows drift.
    Implements `Calibrator`; hangs into a memory by the name "confidence".

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
        self._mix = FixedShare(self.PRIOR, self._share)
        self._platt, intercept = StreamingPlatt(memory=200.0), float(np.log(START / (1.0 - START)))
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
        return self._mix.predict(self._opinions(self._inputs(features)))

    def update(self, features: F32Array, success: bool) -> None:
        """Learn from one recall whose success is known."""
        inputs = self._inputs(features)
        opinions = self._opinions(inputs)
        self._platt.update(self._mix.predict(opinions), success)
        self._mix.update(opinions, success)
        for expert, x in zip(self._experts, inputs, strict=True):
            expert.update(x, success)
        self._measure(np.asarray(features, np.float64))

    def _opinions(self, inputs: tuple[F64Array, ...]) -> F64Array:
        pairs = zip(self._experts, inputs, strict=True)
        return np.array([clipped(expert.predict(x)) for expert, x in pairs])

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

    def state(self) -> NamedArrays:
        """Return the whole learned state as named arrays."""
        held: NamedArrays = {
            "size": np.array([self._features, self._seen], np.int64),
            "mean": self._mean.copy(),
            "square": self._square.copy(),
            "mix": self._mix.weights.copy(),
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
            self._mix.weights = np.array(state["mix"], np.float64)
            for name, part in self._parts().items():
                part.load({key: state[f"{name}/{key}"] for key in part.state()})
        except (KeyError, ValueError) as error:
            raise SnapshotError(f"a calibrator's state does not fit: {error}") from error

    def _parts(self) -> dict[str, StreamingPlatt | Rate | OnlineLogistic]:
        return {"platt": self._platt} | {str(n): e for n, e in enumerate(self._experts)}
