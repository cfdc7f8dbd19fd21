"""A voltage-gated nonlinearity with refractoriness and adaptation along time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engrain.base.errors import ConfigError, ShapeError


def _past(decay: float, total: float, frames: int, like: Tensor) -> Tensor:
    """Return weights (s, t) of the strict past: ``total (1 - decay) decay^(t - 1 - s)``."""
    steps = torch.arange(frames, dtype=like.dtype, device=like.device)
    gap = steps[None, :] - steps[:, None] - 1
    weights = total * (1 - decay) * decay ** gap.clamp(min=0)
    return torch.where(gap >= 0, weights, torch.zeros_like(weights))


class BiologicalNonlinearity(nn.Module):
    """``y_t = z_t (1 - r_t) (1 - a A_t)`` with ``z = tanh(x)``.

    r_t averages how far past outputs stood above the threshold, ``s(k (|z| - theta))`` with s the
    logistic function, over a short time: refractoriness, below `refractory`. A_t averages ``|z|``
    over a longer time: adaptation to repeated stimulation. Both see the strict past of the same
    sequence only, so that nothing leaks between samples or into the future, and the backward pass
    is exact.

    Parameters
    ----------
    threshold : float
        Activity above which a unit tires.
    refractory : float
        Largest damping by refractoriness, in [0, 1).
    refractory_decay : float
        Per frame, in [0, 1).
    adaptation : float
        Damping at full adaptation, in [0, 1).
    adaptation_decay : float
        Per frame, in [0, 1).
    sharpness : float
        k, the slope at the threshold.

    Raises
    ------
    ConfigError
        A constant outside its range.
    """

    def __init__(
        self,
        threshold: float = 0.5,
        refractory: float = 0.5,
        refractory_decay: float = 0.5,
        adaptation: float = 0.1,
        adaptation_decay: float = 0.9,
        sharpness: float = 10.0,
    ) -> None:
        super().__init__()
        for name, value in {
            "refractory": refractory, "refractory_decay": refractory_decay,
            "adaptation": adaptation, "adaptation_decay": adaptation_decay,
        }.items():  # fmt: skip
            if not 0 <= value < 1:
                raise ConfigError(f"{name}: expected a number in [0, 1), got {value}")
        if sharpness <= 0 or threshold < 0:
            raise ConfigError("expected threshold >= 0 and sharpness > 0")
        self.threshold, self.sharpness = threshold, sharpness
        self.refractory, self.refractory_decay = refractory, refractory_decay
        self.adaptation, self.adaptation_decay = adaptation, adaptation_decay

    def forward(self, x: Tensor) -> Tensor:
        """Apply to `x`, shape (..., time)."""
        if x.ndim < 1:
            raise ShapeError("expected at least one axis, the last of which is time")
        z = torch.tanh(x)
        out, strength = z, z.abs()
        if self.refractory > 0:
            weights = _past(self.refractory_decay, self.refractory, x.shape[-1], x)
            out = out * (1 - torch.sigmoid(self.sharpness * (strength - self.threshold)) @ weights)
        if self.adaptation > 0:
            weights = _past(self.adaptation_decay, self.adaptation, x.shape[-1], x)
            out = out * (1 - strength @ weights)
        return out
