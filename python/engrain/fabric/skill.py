"""Skill of predictions over persistence, with intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from engrain.base.errors import ConfigError
from engrain.fabric.trainer import Data, NeuralFabricTrainer


@dataclass(frozen=True, slots=True)
class Skill:
    """``1 - error / error of persistence``; above 0 the next frame is predicted better.

    Attributes
    ----------
    value, low, high : float
        Estimate and 95 % interval (bootstrap over units).
    units : int
        Sequences (or frames of a single sequence) behind it.
    """

    value: float
    low: float
    high: float
    units: int


def skill_over_persistence(
    trainer: NeuralFabricTrainer, held_out: Iterable[Data], resamples: int = 1000, seed: int = 0
) -> Skill:
    """Return the skill on sequences that training has not seen.

    Squared errors are pooled; the bootstrap draws frames of sequences.

    Raises
    ------
    ConfigError
        No data.
    """
    errors, naive = [], []
    for batch in held_out:
        x = torch.as_tensor(batch, dtype=torch.float32)
        x = x.unsqueeze(-1) if x.ndim == 5 else x
        predicted = trainer.predict(x)[..., :-1, :]
        axes = (1, 2, 3, 5)
        errors.append((predicted - x[..., 1:, :]).square().mean(axes).flatten())
        naive.append((x[..., 1:, :] - x[..., :-1, :]).square().mean(axes).flatten())
    if not errors:
        raise ConfigError("skill needs held-out data")
    ours, theirs = torch.cat(errors).double().numpy(), torch.cat(naive).double().numpy()
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(ours), (resamples, len(ours)))
    spread = 1 - ours[drawn].mean(1) / theirs[drawn].mean(1)
    low, high = np.quantile(spread, [0.025, 0.975])
    return Skill(float(1 - ours.mean() / theirs.mean()), float(low), float(high), len(ours))
