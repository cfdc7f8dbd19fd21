"""Small trainers and data that several tests share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engrain.fabric.config import TrainingConfig
from engrain.fabric.data import SyntheticMotion
from engrain.fabric.trainer import NeuralFabricTrainer

DIMS = (5, 4, 6)


def config(**changes: Any) -> TrainingConfig:
    settings = {
        "spatial_dims": DIMS, "time_steps": 6, "batch_size": 4, "channels": 4,
        "som_map_size": (3, 3), "learning_rate": 3e-3,
    }  # fmt: skip
    return TrainingConfig(**{**settings, **changes})


def trainer(**changes: Any) -> NeuralFabricTrainer:
    return NeuralFabricTrainer(config(**changes))


def motion(batches: int = 4, batch_size: int = 4, frames: int = 6, seed: int = 0) -> list[Tensor]:
    return list(SyntheticMotion(batch_size, DIMS, batches, frames, seed=seed))


def parameters(of: NeuralFabricTrainer) -> Tensor:
    return torch.cat([p.detach().clone().flatten() for p in of.network.parameters()])
