"""Synaptic change driven by calcium: Graupner and Brunel, PNAS 109 (2012) 3991-3996."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engrain.base.arrays import BoolArray, F64Array
from engrain.base.errors import ConfigError


@dataclass(frozen=True, slots=True)
class CalciumRule:
    """Parameters of the "DP" set; times in seconds.

    ``tau drho/dt = -rho (1 - rho) (rho_star - rho) + gamma_p (1 - rho) [c > theta_p] - gamma_d rho
    [c > theta_d] + noise`` and ``dc/dt = -c / tau_calcium`` with jumps at spikes.
    """

    tau_calcium: float = 0.020
    c_pre: float = 1.0
    c_post: float = 2.0
    theta_d: float = 1.0
    theta_p: float = 1.3
    gamma_d: float = 200.0
    gamma_p: float = 321.808
    sigma: float = 2.8284
    tau: float = 150.0
    rho_star: float = 0.5
    delay: float = 0.0137
    beta: float = 0.5
    strength_ratio: float = 5.0

    def __post_init__(self) -> None:
        if min(self.tau_calcium, self.tau) <= 0 or self.delay < 0 or not 0 <= self.beta <= 1:
            raise ConfigError("need tau_calcium > 0, tau > 0, delay >= 0 and beta in [0, 1]")


def fractions_above(rule: CalciumRule, lag: float, period: float = 1.0) -> tuple[float, float]:
    """Return the share of time that calcium spends above theta_d and above theta_p.

    One pair per `period` with the postsynaptic spike `lag` seconds after the presynaptic one,
    exact between the spikes; pairs are assumed far enough apart not to add up.
    """
    first, second = sorted([(rule.delay, rule.c_pre), (lag, rule.c_post)])
    gap = second[0] - first[0]
    peak = first[1] * math.exp(-gap / rule.tau_calcium) + second[1]

    def share(theta: float) -> float:
        alone = min(gap, max(0.0, rule.tau_calcium * math.log(first[1] / theta)))
        both = max(0.0, rule.tau_calcium * math.log(peak / theta))
        return (alone + both) / period

    return share(rule.theta_d), share(rule.theta_p)


def strength_change(rule: CalciumRule, lag: float, pairs: int = 60, period: float = 1.0) -> float:
    """Return the ratio of mean synaptic strength after and before a pairing protocol.

    The closed form of the paper's supplement: rho diffuses around its drifting mean while calcium
    is high and then falls to the nearer of its two stable states.
    """
    above_d, above_p = fractions_above(rule, lag, period)
    down_rate, up_rate = rule.gamma_d * above_d, rule.gamma_p * above_p
    total = down_rate + up_rate
    if total == 0:
        return 1.0
    mean = up_rate / total
    decay = math.exp(-pairs * period * total / rule.tau)
    noise = rule.sigma**2 * (above_d + above_p) / total * (1 - decay**2)
    scale = math.sqrt(noise)
    up = 0.5 * (1 - math.erf((rule.rho_star - mean * (1 - decay)) / scale))
    down = 0.5 * (1 + math.erf((rule.rho_star - mean - (1 - mean) * decay) / scale))
    low = (1 - up) * rule.beta + down * (1 - rule.beta)
    high = up * rule.beta + (1 - down) * (1 - rule.beta)
    before = rule.beta + (1 - rule.beta) * rule.strength_ratio
    return (low + rule.strength_ratio * high) / before


class CalciumSynapses:
    """Synapses whose efficacy follows the rule, as arrays.

    Parameters
    ----------
    shape : tuple of int
    rule : CalciumRule
    seed : int
        Of the noise.

    Attributes
    ----------
    calcium, efficacy : ndarray of float64, of `shape`
        c, and rho in [0, 1], at first rho_star.
    """

    def __init__(
        self, shape: tuple[int, ...], rule: CalciumRule | None = None, seed: int = 0
    ) -> None:
        self.rule = rule or CalciumRule()
        self.calcium: F64Array = np.zeros(shape)
        self.efficacy: F64Array = np.full(shape, self.rule.rho_star)
        self.generator = np.random.default_rng(seed)

    def on_pre(self, where: BoolArray) -> None:
        """Let presynaptic spikes arrive (the caller keeps the delay) where the mask is true."""
        self.calcium[where] += self.rule.c_pre

    def on_post(self, where: BoolArray) -> None:
        """Let the cells of these synapses spike."""
        self.calcium[where] += self.rule.c_post

    def step(self, dt: float) -> None:
        """Advance by dt (s); only synapses above a threshold meet potentiation or depression."""
        rule, rho = self.rule, self.efficacy
        up, down = self.calcium > rule.theta_p, self.calcium > rule.theta_d
        drift = -rho * (1 - rho) * (rule.rho_star - rho)
        drift += rule.gamma_p * (1 - rho) * up - rule.gamma_d * rho * down
        rho += dt / rule.tau * drift
        active = np.flatnonzero(down | up)
        if active.size:
            spread = np.sqrt((up.flat[active] * 1.0 + down.flat[active]) * dt / rule.tau)
            rho.flat[active] += rule.sigma * spread * self.generator.standard_normal(active.size)
        np.clip(rho, 0.0, 1.0, out=rho)
        self.calcium *= math.exp(-dt / rule.tau_calcium)
