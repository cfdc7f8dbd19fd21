"""Learn to predict the next frame of moving 3-D patterns, and say by how much it beats persistence.

Synthetic data by default; give a .nii, .nii.gz or .npz file with an array (x, y, z, time) to learn
from its first two thirds and be judged on the rest.

    python examples/fabric_forecast.py [FILE] [--epochs N]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from torch import Tensor

from engrain.fabric import (
    NeuralFabricTrainer,
    TrainingConfig,
    create_synthetic_data,
    load_volumes,
    skill_over_persistence,
    windows,
)
from engrain.fabric.data import standardise

DIMS, FRAMES = (8, 8, 16), 12
# Extents, frames per window, batches to learn from, batches to be judged on.
Task: TypeAlias = tuple[tuple[int, ...], int, Iterable[Tensor], list[Tensor]]


def synthetic() -> Task:
    past = create_synthetic_data(8, DIMS, 20, FRAMES, seed=0)
    future = create_synthetic_data(8, DIMS, 5, FRAMES, seed=1)
    return DIMS, FRAMES, past, list(future)


def recorded(path: Path) -> Task:
    volumes = standardise(load_volumes(path))
    cut = volumes.shape[-1] * 2 // 3
    frames = max(3, min(8, volumes.shape[-1] - cut))
    past, future = (windows(part, frames) for part in (volumes[..., :cut], volumes[..., cut:]))
    return volumes.shape[:3], frames, list(past.split(4)), [future]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--epochs", type=int, default=4)
    given = parser.parse_args()
    dims, frames, past, future = recorded(given.file) if given.file else synthetic()
    config = TrainingConfig(
        spatial_dims=dims, time_steps=frames, batch_size=8, learning_rate=1e-2, som_map_size=(6, 6)
    )
    trainer = NeuralFabricTrainer(config)
    print(f"before: skill {skill_over_persistence(trainer, future).value:+.3f}")
    for epoch in range(given.epochs):
        summary = trainer.train(past, epochs=1, progress=False)
        skill = skill_over_persistence(trainer, future)
        print(
            f"epoch {epoch}: loss {summary['last_loss']:.5f}, skill {skill.value:+.3f} "
            f"[{skill.low:+.3f}, {skill.high:+.3f}] over {skill.units} frames"
        )


if __name__ == "__main__":
    main()
