"""The last place shown may go to a memory that would not have been shown.

Feedback speaks only of what was shown, so that what ranks too low is never heard of. With a small
rate, one place of a recall is given to one of the next best, evenly drawn. The propensity of what
stands there is logged with the recall: the probability with which it was chosen.
"""

from __future__ import annotations

import numpy as np

from engrain.memory.answering import Ranked

REACH = 20  # next best memories of which one may be drawn

__all__ = ["REACH", "explored"]


def explored(ranked: Ranked, k: int, rate: float, rng: np.random.Generator) -> tuple[Ranked, float]:
    """Return the `k` best, the last of them exchanged with probability `rate`, and its propensity.

    Nothing is exchanged where only one memory is shown, or no more are there.
    """
    best = ranked.best(k + REACH)
    shown = min(k, len(best.handles))
    others = len(best.handles) - shown
    if shown < 2 or not others:
        return best.best(shown), 1.0
    last, propensity = shown - 1, 1.0 - rate
    if rng.random() < rate:
        last, propensity = shown + int(rng.integers(others)), rate / others
    places = [*range(shown - 1), last]
    return Ranked(best.handles[places], best.rows[places], best.scores[places]), propensity
