"""Oracle of STDP: brute-force pair sums, and a step of the trace rule in float64.

Morrison, Diesmann & Gerstner (2008); Pfister & Gerstner (2006); Izhikevich (2007).
"""

from __future__ import annotations

from math import exp

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.kernels.stdp import Spikes, StdpRule


def sum_pairs(pre_times: npt.ArrayLike, post_times: npt.ArrayLike, rule: StdpRule) -> float:
    """Return the additive change of one synapse by the sum over its pairs of spikes, O(n^2).

    a_plus exp(-d / tau_plus) for each post spike d > 0 after a pre spike,
    -a_minus exp(-d / tau_minus) for each pre spike d > 0 after a post spike; in nearest pairing
    only with the last spike before. Times in ms.
    """

    def side(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], tau: float) -> float:
        total = 0.0
        for t in second:
            earlier = first[first < t]
            if rule.pairing == "nearest":
                earlier = earlier[-1:]
            total += float(np.exp((earlier - t) / tau).sum())
        return total

    pre = np.sort(np.asarray(pre_times, np.float64))
    post = np.sort(np.asarray(post_times, np.float64))
    gain = rule.a_plus * side(pre, post, rule.tau_plus)
    return gain - rule.a_minus * side(post, pre, rule.tau_minus)


def step_stdp(
    weights: F64Array,
    traces: tuple[F64Array, F64Array, F64Array, F64Array],
    pre: npt.ArrayLike,
    post: npt.ArrayLike,
    rule: StdpRule,
) -> tuple[F64Array, tuple[F64Array, F64Array, F64Array, F64Array]]:
    """Return (weights, (x, y, x2, y2)) after one step on a dense matrix (n_pre, n_post)."""
    taus = (rule.tau_plus, rule.tau_minus, rule.tau_x, rule.tau_y)
    x, y, x2, y2 = (t * exp(-rule.dt / tau) for t, tau in zip(traces, taus, strict=True))
    p, q = np.zeros(len(x), bool), np.zeros(len(y), bool)
    p[np.asarray(pre, int)], q[np.asarray(post, int)] = True, True
    width = rule.w_max - rule.w_min
    down = np.outer(p * (rule.a_minus + rule.a3_minus * x2), y)
    w = np.where(down != 0, weights - down * ((weights - rule.w_min) / width) ** rule.mu, weights)
    w = np.where(down != 0, np.maximum(w, rule.w_min), w)
    up = np.outer(x, q * (rule.a_plus + rule.a3_plus * y2))
    w = np.where(up != 0, np.minimum(w + up * ((rule.w_max - w) / width) ** rule.mu, rule.w_max), w)
    marks = (p, q, p, q)
    if rule.pairing == "nearest":
        return w, tuple(np.where(m, 1.0, t) for t, m in zip((x, y, x2, y2), marks, strict=True))  # type: ignore[return-value]
    return w, tuple(t + m for t, m in zip((x, y, x2, y2), marks, strict=True))  # type: ignore[return-value]


def run_stdp(
    weights: F64Array, pre: Spikes, post: Spikes, rule: StdpRule
) -> tuple[F64Array, tuple[F64Array, F64Array, F64Array, F64Array]]:
    """Return (weights, traces) after all steps on a dense matrix, traces from 0."""
    n_pre, n_post = weights.shape
    traces = (np.zeros(n_pre), np.zeros(n_post), np.zeros(n_pre), np.zeros(n_post))
    for s in range(pre.steps):
        first = pre.ids[pre.start[s] : pre.start[s + 1]]
        second = post.ids[post.start[s] : post.start[s + 1]]
        weights, traces = step_stdp(weights, traces, first, second, rule)
    return weights, traces


def run_modulated_stdp(
    weight: float,
    pre: Spikes,
    post: Spikes,
    rule: StdpRule,
    dopamine: npt.ArrayLike,
    tau_tag: float,
) -> float:
    """Return one synapse's weight: c <- c exp(-dt / tau) + STDP, then w <- w + c d dt, by step."""
    c, w, x, y = 0.0, weight, 0.0, 0.0
    for s, d in enumerate(np.asarray(dopamine, np.float64)):
        p = pre.start[s + 1] > pre.start[s]
        q = post.start[s + 1] > post.start[s]
        x, y = x * exp(-rule.dt / rule.tau_plus), y * exp(-rule.dt / rule.tau_minus)
        c = c * exp(-rule.dt / tau_tag) - p * rule.a_minus * y + q * rule.a_plus * x
        w += c * d * rule.dt / 1000
        x, y = x + p, y + q
    return w
