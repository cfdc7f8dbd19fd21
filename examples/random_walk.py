"""The 19-state random walk of Sutton & Barto: error against step size, for several λ.

RMS error of the values over the first 10 episodes, mean of 20 runs (Sutton & Barto 2018, figures
12.3 and 12.8). Offline λ-returns are not drawn; the two online forms are.

    python examples/random_walk.py [--figure figure.png]
"""

from __future__ import annotations

import sys
from typing import Literal

import numpy as np

from engrain.kernels import TdRule
from engrain.learning import TDLambda

TRUE = np.arange(-18, 20, 2) / 20
LAMBDAS, STEPS = (0.0, 0.4, 0.8, 0.95), (0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


def episode(rng: np.random.Generator) -> list[tuple[float, int, int]]:
    """Return (reward, state, next state or -1) from the middle to an end."""
    state = 9
    steps: list[tuple[float, int, int]] = []
    while True:
        after = state + (1 if rng.random() < 0.5 else -1)
        if after in (-1, 19):
            return [*steps, (1.0 if after == 19 else -1.0, state, -1)]
        steps.append((0.0, state, after))
        state = after


def error(kind: Literal["accumulating", "true_online"], lam: float, alpha: float) -> float:
    """Return the mean RMS error, NaN where the values ran away."""
    errors = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        td = TDLambda(19, TdRule(alpha, 1.0, lam, kind))
        for _ in range(10):
            td.run(episode(rng))
            errors.append(float(np.sqrt(np.mean((td.values.astype(float) - TRUE) ** 2))))
    mean = float(np.mean(errors))
    return mean if mean < 2.0 else float("nan")


def main() -> None:
    curves = {
        (kind, lam): [error(kind, lam, alpha) for alpha in STEPS]
        for kind in ("accumulating", "true_online")
        for lam in LAMBDAS
    }
    print("RMS error at step sizes", *STEPS)
    for (kind, lam), values in curves.items():
        print(f"{kind:13s} λ={lam:<5}", *(f"{value:.3f}" for value in values))
    best = {lam: np.nanmin(curves["true_online", lam]) for lam in LAMBDAS}
    assert best[0.8] < best[0.0]
    if "--figure" in sys.argv:
        from matplotlib import pyplot as plt

        figure, axes = plt.subplots(1, 2, sharey=True, figsize=(10, 4))
        for (kind, lam), values in curves.items():
            axis = axes[int(kind == "true_online")]
            axis.plot(STEPS, values, marker="o", label=f"λ = {lam}")
            axis.set(title=f"TD(λ), {kind}", xlabel="α", ylim=(0.2, 0.6))
        axes[0].set_ylabel("RMS error, first 10 episodes")
        axes[1].legend()
        figure.savefig(sys.argv[-1])


if __name__ == "__main__":
    main()
