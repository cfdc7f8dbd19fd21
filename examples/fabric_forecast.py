"""Learn to predict the next frame of moving 3-D patterns, and say by how much it beats persistence.

The patterns are synthetic. For your own volumes over time, read a .nii, .nii.gz or .npz file with
`engrain.fabric.load_volumes` and cut it with `engrain.fabric.windows`.
"""

from __future__ import annotations

import torch

from engrain.fabric import (
    NeuralFabricTrainer,
    TrainingConfig,
    create_synthetic_data,
    skill_over_persistence,
)

DIMS, FRAMES = (6, 6, 8), 8


def main() -> None:
    torch.set_num_threads(1)  # so little work is done sooner by one
    config = TrainingConfig(
        spatial_dims=DIMS, time_steps=FRAMES, batch_size=8, learning_rate=1e-2, som_map_size=(6, 6)
    )
    trainer = NeuralFabricTrainer(config)
    past = create_synthetic_data(8, DIMS, 20, FRAMES, seed=0)
    future = list(create_synthetic_data(8, DIMS, 5, FRAMES, seed=1))
    print(f"before: skill {skill_over_persistence(trainer, future).value:+.3f}")
    for epoch in range(3):
        summary = trainer.train(past, epochs=1, progress=False)
        skill = skill_over_persistence(trainer, future)
        print(
            f"epoch {epoch}: loss {summary['last_loss']:.5f}, skill {skill.value:+.3f} "
            f"[{skill.low:+.3f}, {skill.high:+.3f}] over {skill.units} frames"
        )


if __name__ == "__main__":
    main()
