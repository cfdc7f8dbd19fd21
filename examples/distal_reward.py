"""Izhikevich's distal reward: one synapse of many is paid a second late, and still found.

100 neurons fire at random onto 20 others. Whenever synapse 0 has its pre spike shortly before its
post spike, dopamine comes one to three seconds later. STDP leaves a tag on every synapse that
paired; dopamine turns tags into weight, and only one synapse is paid every time (Izhikevich 2007).

    python examples/distal_reward.py [--figure figure.png]
"""

from __future__ import annotations

import sys

import numpy as np

from engrain.kernels import Spikes, StdpRule, Synapses, poisson_spikes

SECONDS, PRE, POST = 600, 100, 20
RULE = StdpRule(a_plus=0.1, a_minus=0.15, w_max=4.0)


def with_pairs(spikes: Spikes, times: np.ndarray) -> Spikes:
    """Add a spike of neuron 0 at each of `times`, in steps."""
    counts = np.diff(spikes.start)
    steps = np.repeat(np.arange(spikes.steps), counts)
    keep = spikes.ids != 0
    steps, ids = np.r_[steps[keep], times], np.r_[spikes.ids[keep], np.zeros(len(times), np.int32)]
    order = np.argsort(steps, kind="stable")
    start = np.r_[0, np.cumsum(np.bincount(steps, minlength=spikes.steps))].astype(np.int64)
    return Spikes(start, ids[order].astype(np.int32))


def simulate(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the seconds and all weights at each, synapse 0 first."""
    rng = np.random.default_rng(seed)
    steps = SECONDS * 1000
    pairs = np.cumsum(rng.integers(4_000, 8_000, steps // 8_000))
    pairs = pairs[pairs < steps - 4_000]
    pre = with_pairs(poisson_spikes(PRE, steps, 1.0, seed=seed), pairs)
    post = with_pairs(poisson_spikes(POST, steps, 1.0, seed=seed + 1), pairs + 5)
    dopamine = np.zeros(steps)
    for at in pairs + rng.integers(1_000, 3_000, len(pairs)):
        dopamine[at : at + 1_000] += 5.0 * np.exp(-np.arange(min(1_000, steps - at)) / 200)
    source, target = np.divmod(np.arange(PRE * POST), POST)
    synapses = Synapses(source, target, np.full(PRE * POST, 0.5, np.float32), PRE, POST)
    history = [synapses.weights]
    for begin in range(0, steps, 10_000):
        part = slice(begin, begin + 10_000)
        synapses.run(
            pre.part(begin, begin + 10_000), post.part(begin, begin + 10_000), RULE, dopamine[part]
        )
        history.append(synapses.weights)
    return np.arange(len(history)) * 10, np.array(history)


def main() -> None:
    seconds, weights = simulate()
    paid, others = weights[:, 0], weights[:, 1:]
    for at in range(0, len(seconds), 10):
        print(f"{seconds[at]:4d} s   paid {paid[at]:.3f}   others {others[at].mean():.3f}")
    rank = int((weights[-1] > paid[-1]).sum())
    print(f"synapses stronger than the paid one after {SECONDS} s: {rank} of {PRE * POST - 1}")
    assert rank == 0
    if "--figure" in sys.argv:
        from matplotlib import pyplot as plt

        figure, axis = plt.subplots()
        axis.plot(seconds, others[:, :200], color="lightgrey", linewidth=0.5)
        axis.plot(seconds, paid, color="tab:red", label="paid synapse")
        axis.set(xlabel="seconds", ylabel="weight")
        axis.legend()
        figure.savefig(sys.argv[-1])


if __name__ == "__main__":
    main()
