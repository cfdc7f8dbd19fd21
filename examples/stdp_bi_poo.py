"""The curve of Bi & Poo: what one pair of spikes does to a synapse, by their distance in time.

python examples/stdp_bi_poo.py [--figure figure.png]
"""

from __future__ import annotations

import sys

import numpy as np

from engrain.learning import STDPLearner


def change(gap: float) -> float:
    """Return Δw of a pre spike at 200 ms and a post spike `gap` ms later."""
    stdp = STDPLearner(a_plus=0.005, a_minus=0.00525, tau_plus=20.0, tau_minus=20.0)
    stdp.record_spike("pre", time=200.0)
    stdp.record_spike("post", time=200.0 + gap)
    return stdp.get_weight_update("pre", "post")


def main() -> None:
    gaps = np.array([g for g in range(-100, 101) if g])
    changes = np.array([change(float(g)) for g in gaps])
    for gap in (-40, -20, -1, 1, 20, 40):
        print(f"{gap:+4d} ms  {changes[gaps == gap][0]:+.6f}")
    assert (np.sign(changes) == np.sign(gaps)).all()
    ratio = changes[gaps == 21][0] / changes[gaps == 1][0]
    assert abs(ratio - np.exp(-1)) < 1e-9
    if "--figure" in sys.argv:
        from matplotlib import pyplot as plt

        figure, axis = plt.subplots()
        axis.plot(gaps, changes, ".")
        axis.axhline(0.0, color="grey")
        axis.set(xlabel="post after pre (ms)", ylabel="change of weight")
        figure.savefig(sys.argv[-1])


if __name__ == "__main__":
    main()
