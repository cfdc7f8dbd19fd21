"""FSRS-6 for batches: when will this be forgotten, and what does a review change.

A card is two numbers: stability, the days after which it is recalled with probability .9, and
difficulty in [1, 10]. Source: the algorithm text of open-spaced-repetition, FSRS-6; the results
are those of py-fsrs.
"""

from __future__ import annotations

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F64Array, I64Array, U8Array

FSRS_PARAMETERS: F64Array = np.array(
    [
        *(0.212, 1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194, 0.001, 1.8722, 0.1666, 0.796),
        *(1.4835, 0.0614, 0.2629, 1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542),
    ]
)
FSRS_PARAMETERS.flags.writeable = False

# The bounds of FSRS-6 within which every formula is defined.
LOWER = np.array([*[1e-3] * 4, 1, *[1e-3] * 3, 0, 0, *[1e-3] * 4, 0, 0, 1, 0, 0, 0, 0.1])
UPPER = np.array(
    [*[100.0] * 4, 10, 4, 4, 0.75, 4.5, 0.8, 3.5, 5, 0.25, 0.9, 4, 1, 6, 2, 2, 0.8, 0.8]
)


def review_cards(
    stability: F64Array,
    difficulty: F64Array,
    elapsed: F64Array,
    rating: U8Array,
    *,
    parameters: F64Array = FSRS_PARAMETERS,
) -> None:
    """Review a batch of cards: replace stability and difficulty, in place.

    Recalled (rating above 1)::

        S <- S (1 + e^w8 (11 - D) S^-w9 (e^(w10 (1 - R)) - 1) hard(w15) easy(w16))

    Forgotten: ``S <- min(w11 D^-w12 ((S + 1)^w13 - 1) e^(w14 (1 - R)), S e^(-w17 w18))``. On the
    same day: ``S <- S e^(w17 (rating - 3 + w18)) S^-w19``, not below S unless forgotten.

    Parameters
    ----------
    stability : ndarray of float64, shape (n,), days; 0 for a new card
    difficulty : ndarray of float64, shape (n,), in [1, 10]; not read for a new card
    elapsed : ndarray of float64, shape (n,)
        Days since the review before; below 1 is the same day. py-fsrs counts whole days.
    rating : ndarray of uint8, shape (n,)
        1 again, 2 hard, 3 good, 4 easy.
    parameters : ndarray of float64, shape (21,)

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree or a value is out of its range; nothing was changed.
    """
    _kernels.review_cards(stability, difficulty, elapsed, rating, _checked(parameters))


def retrieve_cards(
    stability: F64Array,
    elapsed: F64Array,
    *,
    parameters: F64Array = FSRS_PARAMETERS,
    out: F64Array | None = None,
) -> F64Array:
    """Return the probability of recall ``(1 + F t / S)^-w20`` with ``F = .9^(-1 / w20) - 1``.

    Parameters
    ----------
    stability, elapsed : ndarray of float64, shape (n,), days
    parameters : ndarray of float64, shape (21,)
    out : ndarray of float64, shape (n,), optional

    Returns
    -------
    ndarray of float64, shape (n,)
        0 for a new card (stability 0).

    Raises
    ------
    TypeError, ValueError
        As in `review_cards`.
    """
    if out is None:
        out = np.empty(len(stability))
    _kernels.retrieve_cards(stability, elapsed, _checked(parameters), out)
    return out


def fsrs_interval(
    stability: F64Array,
    *,
    retention: float = 0.9,
    maximum: int = 36500,
    parameters: F64Array = FSRS_PARAMETERS,
) -> I64Array:
    """Return after how many whole days recall falls to `retention`, in 1..maximum.

    Parameters
    ----------
    stability : ndarray of float64, shape (n,), days
    retention : float
        In (0, 1).
    maximum : int
    parameters : ndarray of float64, shape (21,)

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        `retention` is not in (0, 1), or a parameter is out of its bounds.
    """
    if not 0.0 < retention < 1.0:
        raise ValueError(f"retention: expected a probability in (0, 1), got {retention!r}")
    decay = -float(_checked(parameters)[20])
    forgetting = 0.9 ** (1 / decay) - 1
    days = np.rint(stability / forgetting * (retention ** (1 / decay) - 1))
    whole: I64Array = np.clip(days, 1, maximum).astype(np.int64)
    return whole


def _checked(parameters: F64Array) -> F64Array:
    if parameters is FSRS_PARAMETERS:
        return parameters
    if parameters.shape != (21,) or not ((parameters >= LOWER) & (parameters <= UPPER)).all():
        raise ValueError("parameters: expected the 21 of FSRS-6, each within its bounds")
    return parameters
