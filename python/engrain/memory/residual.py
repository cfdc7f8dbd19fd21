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

from engrain.base.errors import SnapshotError
from engrain.kernels.ranking import ResidualState, surprise

__all__ = ["MOST", "Residual", "surprise"]

MOST = 24  # memories of one question


class Residual(ResidualState):
    """The residual vectors of the last questions that were answered.

    ``add`` takes in a question that something helped with: its centred vector (None teaches
    nothing), the memories that were ranked with their centred vectors, the scores that the static
    model gave them and the outcomes in [0, 1]; by `number` evidence knows the question (-1 where it
    will never be left out), `share` is what its principal may cause. Where the question is the
    newest of `evidence`, what a `similar` knows of it is not taken again. ``score`` returns r:dir
    of candidates, shape (n,), leaving out the question `exclude`; None where it is 0 for all.
    ``write`` puts it into a column of their rows, which it leaves alone where it is 0 for all.
    ``forget`` drops every residual that a memory has a part in. ``len`` is how many are held.

    Parameters
    ----------
    dim : int
        Length of question and memory vectors; 0 where there are none.
    questions : int
        How many are kept; older ones give way.
    """

    NAMES = ("r:dir",)
    SIGNS = (1,)

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            It is of another width.
        """
        if state["asked"].shape[1] != self.dim:
            raise SnapshotError(f"residuals of width {state['asked'].shape[1]}, not {self.dim}")
        super().load(state)
