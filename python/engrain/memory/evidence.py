"""What feedback has taught, kept as sums: nine honest features per candidate.

q is the question, d a candidate, t a past question of the same scope with used memories U(t) and
masses m_td in (0, 1]; n(d) is the sum of the masses of d.

======== ===================================================================================
K(q, t)  0.5 max(0, q.t) + 0.5 idf-weighted lexical cosine; q, t to 1/127 of their largest
e:ridge  cos(d, 0.5 q + W q); W predicts the used memories from the question (`refit_ridge`)
e:count  log(1 + n(d))
e:expand gain of BM25 when min(c, 3) is added to each term count and min(c_len, average) to the
         length, over the deviation of BM25 for this question; c: counts of the terms of d's
         questions
e:rocchio (sum over t of m_td q.t) / (n(d) + 1)
e:near   max over t of m_td K(q, t)
e:share  sum over t of m_td K^3 / (sum over t of w_td K^3 + 0.02); w_td is m_td where d was used,
         else the largest mass given at t, 1 if t used nothing
e:agree  e:near times the static score, clipped to [0, 8]
e:passed max of K^8 over t that showed d and used another
e:alike  e:share with C^4 for K^3 and 0.1 for 0.02, C = max(0, q.t): what likeness of words hides
======== ===================================================================================

All sums are fixed point, so removing a question leaves exactly the state without it. The ring keeps
the last `questions` questions; an evicted one no longer counts in K, its credit stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from engrain.base.arrays import F32Array
from engrain.kernels.ranking import EvidenceState, Similar

__all__ = ["Evidence", "Similar"]


class Evidence(EvidenceState):
    """Everything learned from feedback that is a sum.

    Parameters
    ----------
    dim : int
        Length of question and memory vectors; 0 where there are none.
    questions : int
        How many past questions are kept for comparison.

    Notes
    -----
    Reads may run in several threads; a change waits for them. `Similar` is valid until the next
    change. Memories are dense handles from 0; terms are distinct int32 ids. Per rewarded memory the
    state holds 12 bytes per dimension and 16 per term of its questions.
    """

    NAMES = (
        "e:ridge",
        "e:count",
        "e:expand",
        "e:rocchio",
        "e:near",
        "e:share",
        "e:agree",
        "e:passed",
        "e:alike",
    )
    SIGNS = (1, -1, 1, 1, 1, 1, -1, -1, 1)

    def refit_ridge(self, lam: float = 3.0) -> F32Array | None:
        """Fit W, the ridge regression from questions to their used memories.

        W = argmin sum_t w_t |W q_t - e_t|^2 + lam |W|^2 over the ring, with e_t the unit mean of
        the memories used at t minus 0.5 q_t, and w_t the largest mass given at t. Nothing changes
        until `set_ridge` takes the result, which belongs into the log: it is computed by BLAS. The
        leverages that leave a question out of W exactly are kept until the next `load`.

        Returns
        -------
        ndarray of float32, shape (dim, dim), or None
            To be multiplied with a question from the right; None without vectors to learn from.

        References
        ----------
        Allen, Technometrics 16 (1974) 125-127, for leaving one out by the hat value.
        """
        numbers, masses, vectors, targets = self.pairs()
        if not len(numbers):
            return None
        q, e = vectors.astype(np.float64), targets.astype(np.float64)
        weighted = q * masses[:, None]
        inverse = np.linalg.inv(weighted.T @ q + lam * np.eye(self.dim))
        leverage = np.zeros(self.questions, dtype=np.float32)
        leverage[numbers % self.questions] = ((weighted @ inverse) * q).sum(1)
        self.set_leverage(leverage)
        return np.ascontiguousarray((inverse @ (weighted.T @ e)).T, dtype=np.float32)

    @contextmanager
    def trying_ridge(self, w: F32Array | None) -> Iterator[None]:
        """Use `w` within a with block, then the ridge of before."""
        before = self.ridge
        self.set_ridge(w)
        try:
            yield
        finally:
            self.set_ridge(before)
