"""What feedback says beyond what the static model already knew: one feature per candidate.

q is the question, d a candidate, t a past question of the same scope, p_t the softmax of the static
model over the memories that t was about, y_t the outcomes over their sum:

    r_t = sum_d e_td d,  e_td = y_td - p_td, at least 0 where y_td > 0
    r:dir = d . sum_t K(q, t) r_t / (sum_t K(q, t) + 0.1),  K(q, t) = max(0, q . t)

Where the static model was right, r_t is near 0; what was praised is never pushed away for having
been expected. Only the memories of largest |y - p| take part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import SnapshotError
from engrain.kernels.ranking import list_derivatives
from engrain.kernels.similarity import score_rows

__all__ = ["Residual", "surprise"]

MOST = 24  # memories of one question
DISCOUNT = 0.1


def surprise(scores: F32Array, outcomes: F32Array) -> F32Array:
    """Return y - p, shape (n,): what was told less what the scores had said.

    p is the softmax of the scores, y the outcomes over their sum. The gradient of the log-loss by
    one column per memory is p - y, so that the ranking's own kernel gives it, equal on every
    machine.
    """
    n = len(scores)
    rows = np.zeros((n, n + 1), np.float32)
    rows[:, 0], rows[:, 1:] = scores, np.eye(n, dtype=np.float32)
    weights, gradient = np.zeros(n + 1), np.zeros(n + 1)
    weights[0] = 1.0
    offsets, counts = np.array([0, n], np.int64), np.ones(1)
    list_derivatives(rows, outcomes, offsets, counts, weights, gradient, np.zeros((n + 1, n + 1)))
    found: F32Array = (-gradient[1:]).astype(np.float32)
    return found


class Residual:
    """The residual vectors of the last questions that were answered.

    Parameters
    ----------
    dim : int
        Length of question and memory vectors; 0 where there are none.
    questions : int
        How many are kept; older ones give way.
    """

    NAMES = ("r:dir",)
    SIGNS = (1,)

    def __init__(self, dim: int, questions: int = 4096) -> None:
        self.dim, self.questions = dim, questions
        self._next = 0
        self._take(0)

    def _take(self, rows: int) -> None:
        self._asked = np.zeros((rows, self.dim), np.float32)
        self._toward = np.zeros((rows, self.dim), np.float32)
        self._scope = np.full(rows, -1, np.int64)
        self._number = np.full(rows, -1, np.int64)
        self._about = np.full((rows, MOST), -1, np.int64)

    def __len__(self) -> int:
        return min(self._next, self.questions)

    def add(
        self,
        scope: int,
        query: F32Array | None,
        handles: I64Array,
        centred: F32Array,
        scores: F32Array,
        outcomes: F32Array,
        *,
        number: int = -1,
        share: float = 1.0,
    ) -> None:
        """Take in a question that something helped with.

        Parameters
        ----------
        scope : int
        query : ndarray of float32, shape (dim,), or None
            Centred; without a vector nothing is learned.
        handles : ndarray of int64, shape (n,)
        centred : ndarray of float32, shape (n, dim)
        scores, outcomes : ndarray of float32, shape (n,)
            Of the static model, in [0, 1].
        number : int
            By which evidence knows the question, -1 where it will never be left out.
        share : float
            What its principal may cause.
        """
        if query is None or not self.dim or not outcomes.any() or share <= 0:
            return
        likely = np.argsort(-(scores + 1e3 * outcomes), kind="stable")[:MOST]
        scores, outcomes = (np.ascontiguousarray(x[likely]) for x in (scores, outcomes))
        told = surprise(scores, outcomes)
        told = np.float32(share) * np.where(outcomes > 0, np.maximum(told, 0), told)
        at = self._next % self.questions
        if at >= len(self._scope):
            self._grow()
        self._asked[at], self._scope[at], self._number[at] = query, scope, number
        self._toward[at] = score_rows(np.ascontiguousarray(centred[likely].T), told)
        self._about[at] = -1
        self._about[at, : len(likely)] = handles[likely]
        self._next += 1

    def _grow(self) -> None:
        old = self._held()
        self._take(min(self.questions, max(64, 2 * len(self._scope))))
        for kept, array in zip(old, self._held(), strict=True):
            array[: len(kept)] = kept

    def _held(self) -> tuple[np.ndarray[Any, Any], ...]:
        return self._asked, self._toward, self._scope, self._number, self._about

    def score(
        self, scope: int, query: F32Array | None, centred: F32Array, exclude: int = -1
    ) -> F32Array | None:
        """Return r:dir of candidates, shape (n,); None where it is 0 for all.

        `exclude` is a question that is left out.
        """
        n = len(self)
        if query is None or not n:
            return None
        likeness = np.maximum(self._asked[:n] @ query, 0)
        likeness[self._scope[:n] != scope] = 0
        if exclude >= 0:
            likeness[self._number[:n] == exclude] = 0
        toward = likeness @ self._toward[:n] / (likeness.sum() + np.float32(DISCOUNT))
        return score_rows(centred, np.ascontiguousarray(toward, dtype=np.float32))

    def forget(self, handle: int) -> None:
        """Drop every residual that a memory has a part in."""
        held = (self._about == handle).any(axis=1)
        self._toward[held] = 0
        self._about[held] = -1

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return everything that `load` needs, as named arrays."""
        n = len(self)
        return {
            "next": np.array([self._next], np.int64),
            "asked": self._asked[:n].copy(),
            "toward": self._toward[:n].copy(),
            "scope": self._scope[:n].copy(),
            "number": self._number[:n].copy(),
            "about": self._about[:n].copy(),
        }

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            It is of another width.
        """
        if state["asked"].shape[1] != self.dim:
            raise SnapshotError(f"residuals of width {state['asked'].shape[1]}, not {self.dim}")
        self._next = int(state["next"][0])
        self._take(len(state["scope"]))
        self._asked[:], self._toward[:] = state["asked"], state["toward"]
        self._scope[:], self._number[:] = state["scope"], state["number"]
        self._about[:] = state["about"]
