"""One training step for each size of the specification: seconds and peak memory.

python asv_bench/fabric_sizes.py [--largest VOXELS]
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import resource
import time
from itertools import product

DIMS = [(5, 5, 16), (13, 13, 64), (17, 17, 128)]
TIMES, BATCHES = [4, 16, 32], [4, 16, 32]


def measure(dims: tuple[int, int, int], frames: int, batch: int) -> tuple[float, float]:
    """Return seconds of one step and the peak memory of this process in GB."""
    from engrain.fabric import NeuralFabricTrainer, TrainingConfig, create_synthetic_data

    trainer = NeuralFabricTrainer(
        TrainingConfig(spatial_dims=dims, time_steps=frames, batch_size=batch)
    )
    data = next(iter(create_synthetic_data(batch, dims, 1, frames)))
    start = time.perf_counter()
    metrics = trainer.train_step(data)
    assert math.isfinite(metrics["loss"])
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=10**9, help="voxels of the largest step")
    largest = parser.parse_args().largest
    context = multiprocessing.get_context("spawn")
    print("| dims | frames | batch | voxels | step s | peak GB |\n|---|---|---|---|---|---|")
    for dims, frames, batch in product(DIMS, TIMES, BATCHES):
        voxels = math.prod(dims) * frames * batch
        if voxels > largest:
            continue
        with context.Pool(1) as pool:
            seconds, peak = pool.apply(measure, (dims, frames, batch))
        print(
            f"| {dims} | {frames} | {batch} | {voxels:,} | {seconds:.2f} | {peak:.2f} |", flush=True
        )


if __name__ == "__main__":
    main()
