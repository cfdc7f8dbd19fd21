"""Skill over persistence with each mode and modulator, at equal numbers of convolution passes.

OMP_NUM_THREADS=1 python asv_bench/fabric_ablation.py
"""

from __future__ import annotations

import numpy as np
import torch

from engrain.fabric import (
    NeuralFabricTrainer,
    TrainingConfig,
    create_synthetic_data,
    skill_over_persistence,
)

DIMS, FRAMES, STEPS, SEEDS = (6, 6, 10), 10, 150, 5
STUDENT = 2.776  # 97.5 % point of Student's t with SEEDS - 1 degrees of freedom

# An intentional step runs the upper layers a second time, a bidirectional one the backward pass
# too; the number of steps is lowered accordingly.
ROWS = {
    "normal": (1.0, {}),
    "half random (noise .1)": (1.0, {"use_random_prop": True}),
    "half random (noise .02)": (1.0, {"use_random_prop": True, "perturbation": 0.02}),
    "half intentional": (1.33, {"use_intentional_prop": True}),
    "half bidirectional": (1.5, {"use_bidirectional_prop": True}),
    "thirds: normal, random, intentional": (
        1.22,
        {"use_random_prop": True, "use_intentional_prop": True},
    ),
    "no learning drive": (1.0, {"use_modulators": False}),
    "no coherence term": (1.0, {"temporal_coherence_weight": 0.0}),
    "learning rate 1e-4": (1.0, {"learning_rate": 1e-4}),
    "learning rate 1e-3": (1.0, {"learning_rate": 1e-3}),
}


def skill(seed, steps, changes):
    settings = {
        "learning_rate": 1e-2, "use_modulators": True, "temporal_coherence_weight": 0.3, **changes
    }  # fmt: skip
    config = TrainingConfig(
        spatial_dims=DIMS, time_steps=FRAMES, batch_size=8, channels=6, som_map_size=(4, 4),
        seed=seed, fabric_duration=1.0, **settings,
    )  # fmt: skip
    trainer = NeuralFabricTrainer(config)
    data = list(create_synthetic_data(8, DIMS, 30, FRAMES, seed=100 + seed))
    for step in range(steps):
        trainer.train_step(data[step % len(data)])
    held_out = create_synthetic_data(8, DIMS, 6, FRAMES, seed=500 + seed)
    return skill_over_persistence(trainer, held_out).value


def main():
    torch.set_num_threads(1)
    print("| setting | steps | skill | against normal |\n|---|---|---|---|")
    normal = None
    for name, (work, changes) in ROWS.items():
        steps = int(STEPS / work)
        values = np.array([skill(seed, steps, changes) for seed in range(SEEDS)])
        normal = values if normal is None else normal
        gain = values - normal
        spread = STUDENT * gain.std(ddof=1) / SEEDS**0.5
        print(f"| {name} | {steps} | {values.mean():.3f} | {gain.mean():+.3f} ± {spread:.3f} |")


if __name__ == "__main__":
    main()
