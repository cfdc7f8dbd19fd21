"""Train the nets of the policy jointly: cost and fit on 20 samples, and what held-out samples say.

The world is made so that there is something to learn: a hidden bilinear form says which memory is
relevant, the message which strategy is right and how it will turn out.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from engrain.policy import (
    ConfidenceEstimator,
    JointTrainer,
    MemoryGate,
    SituationEncoder,
    StrategyRegistry,
    StrategySelector,
    TrainingSample,
)

IDS = ("quick_answer", "step_by_step", "clarify")


def trainer(dim: int, *, batch_size: int = 32, seed: int = 0) -> JointTrainer:
    return JointTrainer(
        SituationEncoder(dim, dim, 512 if dim == 384 else 64),
        MemoryGate(dim, dim),
        StrategySelector(dim, len(IDS)),
        ConfidenceEstimator(dim),
        StrategyRegistry(IDS),
        batch_size=batch_size,
        seed=seed,
    )


def samples(count: int, dim: int, seed: int) -> list[TrainingSample]:
    rng = np.random.default_rng(seed)
    hidden = np.random.default_rng(99).standard_normal((dim, dim))
    found = []
    for _ in range(count):
        message = rng.standard_normal(dim).astype(np.float32)
        memories = rng.standard_normal((10, dim)).astype(np.float32)
        found.append(
            TrainingSample(
                message_emb=message,
                history_emb=rng.standard_normal(dim).astype(np.float32),
                metadata={"hour_of_day": int(rng.integers(24))},
                memory_embs=memories,
                relevant_indices={int(np.argmax(memories @ (message @ hidden)))},
                strategy_id=IDS[int(np.argmax(message[:3]))],
                outcome=float(message[3] > 0),
            )
        )
    return found


def main() -> None:
    torch.set_num_threads(1)
    joint, few = trainer(384), samples(20, 384, 0)
    started = time.process_time()
    metrics = joint.train(few, epochs=100)
    first, last = metrics.history[0]["total"], metrics.history[-1]["total"]
    print(f"20 samples, width 384: {time.process_time() - started:.2f} s of one core")
    print(f"{metrics.summary()}\ntotal loss falls by {1 - last / first:.1%}\n")
    train, held = samples(200, 24, 1), samples(400, 24, 2)
    print("width 24, 200 samples, 400 held out, up to 40 epochs, three shuffles each")
    print("batch   epochs kept   held-out total loss   before training")
    for batch_size in (8, 32, 128):
        runs = [
            trainer(24, batch_size=batch_size, seed=seed).train(train, 40, validation=held)
            for seed in range(3)
        ]
        kept = " ".join(f"{run.best_epoch:3}" for run in runs)
        ends = " ".join(f"{run.validation[run.best_epoch]['total']:.2f}" for run in runs)
        print(f"{batch_size:5}   {kept}   {ends}        {runs[0].validation[0]['total']:.2f}")


if __name__ == "__main__":
    main()
