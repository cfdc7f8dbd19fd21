"""One reward for all that was shown: who is likely to have earned it, and what that teaches.

Which of the shown was right is not observed, so it is expected (EM; labels given in proportions):

    p_d = softmax over the shown of τ (s_d - κ log(1 + n_d))

with s the scores by which they were shown, n_d what d had been credited with until then, and τ what
a score is worth in nats. The second term keeps memories that are expected everywhere from taking
every reward: companions change, the cause stays (inverted softmax).

Evidence is then asked to foretell p by itself, as one of two views that teach each other: beside
static columns, which p was made of, it would have nothing left to say. It says so at the same τ, so
that both views add up.

References
----------
Dempster, Laird & Rubin, J. R. Stat. Soc. B 39 (1977) 1-38. Quadrianto, Smola, Caetano & Le,
Estimating labels from label proportions, J. Mach. Learn. Res. 10 (2009) 2349-2374. Blum & Mitchell,
Combining labeled and unlabeled data with co-training, COLT 1998. Smith, Turban, Hamblin & Hammerla,
Offline bilingual word vectors, orthogonal transformations and the inverted softmax, ICLR 2017.
"""

from __future__ import annotations

import numpy as np

from engrain.base.arrays import BoolArray, F32Array
from engrain.memory.residual import surprise

SHARPNESS = np.float32(2.0)  # τ
CROWDING = np.float32(3.0)  # κ
LEAST_PART = np.float32(0.05)
INFORMATION = 0.6  # of a list whose outcomes were told one by one


def shared_out(scores: F32Array, credited: F32Array, told: F32Array) -> F32Array:
    """Share one reward for all shown out by what each is expected to have contributed.

    Of memories whose part is below `LEAST_PART`, or of which nothing was told, nothing is said.

    Parameters
    ----------
    scores, credited, told : ndarray of float32, shape (k,)
        s and log(1 + n) of the shown, and the reward, NaN where it does not speak of a memory.

    Returns
    -------
    ndarray of float32, shape (k,)
        The reward times p; 0 where it is 0.
    """
    spoken = told > 0
    out = np.where(np.isnan(told), told, np.float32(0))
    if spoken.any():
        alike = np.ones(int(spoken.sum()), np.float32)
        even = np.float32(1.0 / len(alike))
        standing = SHARPNESS * (scores[spoken] - CROWDING * credited[spoken])
        parts = even - surprise(standing, alike)
        out[spoken] = told[spoken] * np.where(parts < LEAST_PART, np.float32(np.nan), parts)
    return out


def evidence_alone(rows: F32Array, evidence: BoolArray) -> F32Array:
    """Return rows, shape (n, columns), in which only what evidence says is left, τ times."""
    return rows * np.where(evidence, SHARPNESS, np.float32(0))
