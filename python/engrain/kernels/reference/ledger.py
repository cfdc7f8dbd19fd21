"""Oracle of the lift ledger."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.kernels.reference.rank import log_loss


def ndcg10(scores: npt.ArrayLike, gains: npt.ArrayLike, cut: int = 10) -> float:
    """Return nDCG at `cut`, by default 10, of a list ranked by score, ties in their order."""
    gain = np.asarray(gains, dtype=np.float64)
    discount = np.zeros(len(gain))
    discount[:cut] = 1 / np.log2(np.arange(2, 2 + len(gain[:cut])))
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    return float(gain[order] @ discount / (np.sort(gain)[::-1] @ discount))


def reciprocal_rank(scores: npt.ArrayLike, gains: npt.ArrayLike) -> float:
    """Return 1 / rank of the first item with a gain."""
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    return 1.0 / (1 + int(np.flatnonzero(np.asarray(gains)[order])[0]))


def _foretold(scores: F64Array, outcomes: F64Array) -> F64Array:
    """Return the outcomes of the shown and, imputed, of the runners-up scored below them.

    What the lower half of the shown earned goes on, in proportion to the softmax of the scores and
    up to 1 each: the direct method of Dudik, Langford & Li (ICML 2011).
    """
    n = len(outcomes)
    odds = np.exp(scores - scores.max())
    earned, mass = outcomes[n // 2 :].sum(), odds[n // 2 : n].sum()
    return np.concatenate([outcomes, np.minimum(1, earned / mass * odds[n:])])


def ledger_update(
    rows: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    weights: npt.ArrayLike,
    static_weights: npt.ArrayLike,
    evidence: npt.ArrayLike,
    runners: npt.ArrayLike | None = None,
) -> F64Array:
    """Return the lifts of one list in log-loss (clipped to +-2), nDCG@10 and reciprocal rank.

    Row k < columns: against the list ranked without component k; then with all evidence off, then
    by `static_weights`. Shape (columns + 2, 3). nDCG ranks the rows of `runners` too, and counts as
    many places as were shown, at most 10.
    """
    told, w = np.asarray(outcomes, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    n = len(told)
    x = np.concatenate([np.asarray(rows, np.float64), *([] if runners is None else [runners])])
    z, off = x @ w, np.asarray(evidence, dtype=bool)
    others = [*(z - x[:, k] * w[k] for k in range(len(w)))]
    others += [x @ np.where(off, 0, w), x @ np.asarray(static_weights, dtype=np.float64)]
    gains, cut = _foretold(z, told), min(n, 10)
    return np.array(
        [
            (
                np.clip(log_loss(other[:n], told) - log_loss(z[:n], told), -2, 2),
                ndcg10(z, gains, cut) - ndcg10(other, gains, cut),
                reciprocal_rank(z[:n], told) - reciprocal_rank(other[:n], told),
            )
            for other in others
        ]
    )


def sequence_bounds(x: npt.ArrayLike, alpha: float) -> tuple[float, float]:
    """Return the bounds of the mean of observations in [0, 1] after all of them.

    The predictable plug-in empirical-Bernstein confidence sequence (Waudby-Smith & Ramdas, JRSS-B
    86 (2024) 1-27, theorem 2) with bets of at most 1/2:
    centre +- (log(2/alpha) + sum_i v_i psi(l_i)) / sum_i l_i, psi(l) = -log(1 - l) - l,
    v_i = (x_i - mean_{i-1})^2, l_i = min(1/2, sqrt(2 log(2/alpha) / (var_{i-1} i log(1 + i)))).
    """
    values = np.asarray(x, dtype=np.float64)
    if not len(values):
        return 0.0, 1.0
    i = np.arange(1, len(values) + 1)
    mean = (0.5 + np.cumsum(values)) / (i + 1)
    before = np.concatenate([[0.5], mean[:-1]])
    variance = (0.25 + np.cumsum((values - mean) ** 2)) / (i + 1)
    variance = np.concatenate([[0.25], variance[:-1]])
    bet = np.minimum(0.5, np.sqrt(2 * np.log(2 / alpha) / (variance * i * np.log1p(i))))
    width = np.log(2 / alpha) + ((values - before) ** 2 * (-np.log1p(-bet) - bet)).sum()
    centre = (bet * values).sum() / bet.sum()
    return max(0.0, centre - width / bet.sum()), min(1.0, centre + width / bet.sum())
