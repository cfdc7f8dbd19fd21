"""A trained strategy net without torch, as requests use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import NonFiniteError, ShapeError

ARRAYS: Final = ("hidden_weight", "hidden_bias", "out_weight", "out_bias", "settings")


class StrategyNet:
    """``p = (1 - e) softmax(f(s) / T) + e / K`` with one hidden layer f, see `StrategySelector`.

    Parameters
    ----------
    found : mapping of str to ndarray
        ``hidden_weight`` (hidden, dim), ``hidden_bias``, ``out_weight`` (strategies, hidden),
        ``out_bias``, and ``settings``, e and T.
    dim, strategies : int

    Raises
    ------
    ShapeError, NonFiniteError
        They do not fit.
    """

    def __init__(self, found: Mapping[str, npt.NDArray[Any]], dim: int, strategies: int) -> None:
        held = {name: np.array(found[name], np.float32) for name in ARRAYS}
        hidden = len(held["hidden_bias"])
        shapes = [(hidden, dim), (hidden,), (strategies, hidden), (strategies,), (2,)]
        if [held[name].shape for name in ARRAYS] != shapes:
            raise ShapeError(
                f"net: expected shapes {shapes}, got {[a.shape for a in held.values()]}"
            )
        if not all(np.isfinite(array).all() for array in held.values()):
            raise NonFiniteError("net: contains NaN or infinity")
        self._held = held

    def probabilities(self, situation: F32Array) -> F64Array:
        """Return the probability of each strategy, shape (strategies,)."""
        held = self._held
        explored, temperature = held["settings"].astype(np.float64)
        hidden = np.maximum(held["hidden_weight"] @ situation + held["hidden_bias"], 0.0)
        logits = (held["out_weight"] @ hidden + held["out_bias"]).astype(np.float64) / temperature
        chances = np.exp(logits - logits.max())
        mixed: F64Array = (1.0 - explored) * chances / chances.sum() + explored / len(chances)
        return mixed

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of the arrays it was made of."""
        return {name: array.copy() for name, array in self._held.items()}
