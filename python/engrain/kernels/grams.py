"""Hashed n-grams of short utterances, and a linear model over them.

An utterance comes as three texts of words separated by single spaces: what was said, the same with
phrases replaced by a class (a word beginning with U+0001), and features that stand for themselves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engrain import _kernels
from engrain.base.arrays import I8Array


def hash_grams(words: str, classes: str = "", context: str = "") -> NDArray[np.uint64]:
    """Return the hash of every different feature of an utterance, ascending.

    Features are runs of 1 to 3 words with borders, pairs that skip one or two words, the first
    and last 4 letters of each marked word, runs of 2 and 3 words with a class among them, and the
    words of `context` (Weinberger et al., ICML 2009).

    Returns
    -------
    ndarray of uint64, shape (features,)
    """
    return _kernels.hash_grams(words, classes, context)


def score_grams(words: str, classes: str, context: str, codes: I8Array) -> list[float]:
    """Return one score per kind: the sum of the features' codes over the root of their number.

    Parameters
    ----------
    words, classes, context : str
    codes : ndarray of int8, shape (rows, kinds), C-contiguous
        A feature with hash h has row h mod rows; rows is a power of two.

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Not two dimensions, or rows is not a power of two.
    """
    return _kernels.score_grams(words, classes, context, codes)
