"""Cumulative sums that tell when streams of figures stop being what they were."""

from __future__ import annotations

from engrain import _kernels
from engrain.base.arrays import F64Array


def follow_cusum(
    rows: F64Array,
    mean: F64Array,
    deviation: F64Array,
    sums: F64Array,
    *,
    allowance: float,
    clip: float,
    threshold: float,
) -> int:
    """Follow Page's two-sided sums row by row up to the first alarm, without the GIL.

    With ``z = (x - mean) / deviation``, of z and of -z: ``S <- max(0, S + clip(z) - allowance)``.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, streams)
    mean, deviation : ndarray of float64, shape (streams,)
        Deviations are above 0.
    sums : ndarray of float64, shape (2, streams), updated in place
        Of z and of -z.
    allowance, clip, threshold : float

    Returns
    -------
    int
        The first row after which a sum exceeds the threshold, where sums stay as they are; n if
        there is none.

    Raises
    ------
    TypeError, ValueError
        Another dtype, layout or shape; nothing was changed.

    References
    ----------
    Page (1954), Continuous inspection schemes.
    """
    return _kernels.follow_cusum(rows, mean, deviation, allowance, clip, threshold, sums)
