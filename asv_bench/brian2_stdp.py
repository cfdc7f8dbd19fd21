"""A million STDP synapses at 10 Hz for one biological second: Brian2 and ours, one process.

Usage: python asv_bench/brian2_stdp.py   (needs brian2 and a C++ compiler; builds about 15 s)

The figure of Brian2 is the CPU time that its C++ standalone program reports of its run loop; it
draws its own Poisson spikes, and so does ours.
"""

from __future__ import annotations

import statistics
import tempfile
import time

import brian2 as b
import numpy as np

from engrain.kernels import StdpRule, Synapses, poisson_spikes

N, OUT = 10_000, 100
MODEL = """w : 1
dapre/dt = -apre / (20*ms) : 1 (event-driven)
dapost/dt = -apost / (20*ms) : 1 (event-driven)"""


def brian2_seconds(targets):
    with tempfile.TemporaryDirectory() as folder:
        b.set_device("cpp_standalone", directory=folder, build_on_run=False)
        b.prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O3", "-march=native", "-std=c++17"]
        b.defaultclock.dt = 1 * b.ms
        pre, post = b.PoissonGroup(N, 10 * b.Hz), b.PoissonGroup(N, 10 * b.Hz)
        synapses = b.Synapses(
            pre,
            post,
            MODEL,
            on_pre="apre += 0.005\nw = clip(w - apost, 0, 1)",
            on_post="apost += 0.00525\nw = clip(w + apre, 0, 1)",
        )
        synapses.connect(i=np.repeat(np.arange(N), OUT), j=targets)
        synapses.w = 0.5
        network = b.Network(pre, post, synapses)
        network.run(1 * b.second)
        b.device.build(directory=folder, compile=True, run=True)
        return b.device._last_run_time  # noqa: SLF001


def engrain_seconds(targets):
    sources = np.repeat(np.arange(N), OUT)
    synapses = Synapses(sources, targets, np.full(N * OUT, 0.5, np.float32), N, N)
    timed = []
    for repeat in range(9):
        begin = time.process_time()
        pre, post = (poisson_spikes(N, 1000, 10.0, seed=2 * repeat + side) for side in (0, 1))
        synapses.run(pre, post, StdpRule())
        timed.append(time.process_time() - begin)
    return statistics.median(timed)


def main():
    targets = np.random.default_rng(0).integers(0, N, N * OUT)
    theirs, ours = brian2_seconds(targets), engrain_seconds(targets)
    print(f"Brian2 {b.__version__} cpp_standalone, its own report of the run loop: {theirs:.3f} s")
    print(f"engrain with its own spikes, median CPU time of 9: {1e3 * ours:.1f} ms")
    print(f"ratio {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
