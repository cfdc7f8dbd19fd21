"""Schultz's three panels: dopamine moves from the reward to the cue, and misses what is omitted.

TD(λ) on a trial of 20 steps with a cue at step 5 and juice at step 15, as a delay line of states
(Schultz, Dayan & Montague 1997). Prints the errors; with matplotlib, draws them to a file.

    python examples/dopamine_schultz.py [--figure figure.png]
"""

from __future__ import annotations

import sys

import numpy as np

from engrain.kernels import TdRule
from engrain.learning import TDLambda

STEPS, CUE, JUICE = 20, 5, 15


def trial(td: TDLambda, cue: bool, juice: bool) -> np.ndarray:
    """Run one trial and return δ per step; states before the cue are one waiting state."""
    errors = np.zeros(STEPS)
    for t in range(STEPS):
        state = t - CUE + 1 if cue and t >= CUE else 0
        ahead = t + 1 - CUE + 1 if cue and t + 1 >= CUE else 0
        last = t == STEPS - 1
        errors[t] = td.step(float(juice and t == JUICE), state, -1 if last else ahead)
        td.values[0] = 0.0  # cues come at unpredictable times: waiting predicts nothing
    return errors


def main() -> None:
    td = TDLambda(STEPS, TdRule(alpha=0.2, gamma=1.0, lam=0.9))
    panels = {"no prediction, juice": trial(td, cue=False, juice=True)}
    for _ in range(200):
        trial(td, cue=True, juice=True)
    panels["cue, juice"] = trial(td, cue=True, juice=True)
    panels["cue, no juice"] = trial(td, cue=True, juice=False)
    for name, errors in panels.items():
        print(f"{name:22s} at the cue {errors[CUE - 1]:+.2f}   at the juice {errors[JUICE]:+.2f}")
    assert panels["no prediction, juice"][JUICE] > 0.9
    assert panels["cue, juice"][CUE - 1] > 0.9 > 0.05 > abs(panels["cue, juice"][JUICE])
    assert panels["cue, no juice"][JUICE] < -0.9
    if "--figure" in sys.argv:
        draw(panels, sys.argv[-1])


def draw(panels: dict[str, np.ndarray], path: str) -> None:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(3, 1, sharex=True, sharey=True, figsize=(6, 6))
    for axis, (name, errors) in zip(axes, panels.items(), strict=True):
        axis.bar(range(STEPS), errors, color="tab:red")
        axis.set(title=name, ylabel="δ")
    axes[-1].set_xlabel("step of the trial")
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
