"""Tail probabilities of the normal and chi-squared distributions, without SciPy."""

from __future__ import annotations

import math

_TINY = 1e-300
_EPSILON = 1e-15


def normal_two_sided(z: float) -> float:
    r"""Return P(\\|Z\\| > \\|z\\|) for a standard normal Z, exact far into the tail."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def chi2_tail(x: float, dof: float) -> float:
    """Return P(X > x) for a chi-squared X with `dof` degrees of freedom.

    The upper regularised incomplete gamma function Q(dof/2, x/2): by its series below the mean,
    by Lentz's continued fraction above it (Press et al., Numerical Recipes, section 6.2).

    Raises
    ------
    ValueError
        `dof` is not positive, or `x` is negative or not a number.
    """
    if not dof > 0 or not x >= 0:
        raise ValueError(f"chi2_tail: needs x >= 0 and dof > 0, got x={x!r}, dof={dof!r}")
    a, half = dof / 2.0, x / 2.0
    if half == 0.0:
        return 1.0
    scale = math.exp(-half + a * math.log(half) - math.lgamma(a))
    if half < a + 1.0:
        return max(0.0, 1.0 - scale * _lower_series(a, half))
    return scale * _upper_fraction(a, half)


def _lower_series(a: float, x: float) -> float:
    term = total = 1.0 / a
    n = a
    while abs(term) > abs(total) * _EPSILON:
        n += 1.0
        term *= x / n
        total += term
    return total


def _upper_fraction(a: float, x: float) -> float:
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    fraction, change, i = d, 0.0, 0
    while abs(change - 1.0) > _EPSILON and i < 10_000:
        i += 1
        step = -i * (i - a)
        b += 2.0
        d = 1.0 / _nonzero(step * d + b)
        c = _nonzero(b + step / c)
        change = c * d
        fraction *= change
    return fraction


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
