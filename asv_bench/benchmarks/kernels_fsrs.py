from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from engrain import kernels
from engrain.kernels import reference
from engrain.kernels.fsrs import FSRS_PARAMETERS

from .common import needs


def cards(n):
    """Return stability, difficulty, elapsed days and rating of n cards."""
    rng = np.random.default_rng(0)
    stability, difficulty = rng.uniform(1, 100, n), rng.uniform(1, 10, n)
    return stability, difficulty, np.floor(rng.uniform(1, 50, n)), rng.integers(1, 5, n, np.uint8)


class ReviewCards:
    """One review of 100,000 cards, beside NumPy."""

    comparisons = {
        "time_review_cards": ["time_numpy"],
        "time_retrieve_cards": [],
        "time_fsrs_interval": [],
    }

    def setup(self):
        self.s, self.d, self.t, self.g = cards(100_000)
        self.now_s, self.now_d, self.out = self.s.copy(), self.d.copy(), self.s.copy()

    def time_review_cards(self):
        self.now_s[:], self.now_d[:] = self.s, self.d
        kernels.review_cards(self.now_s, self.now_d, self.t, self.g)

    def time_numpy(self):
        reference.review_cards(self.s, self.d, self.t, self.g, FSRS_PARAMETERS)

    def time_retrieve_cards(self):
        kernels.retrieve_cards(self.s, self.t, out=self.out)

    def time_fsrs_interval(self):
        kernels.fsrs_interval(self.s)


class ReviewEachCard:
    """One review of 10,000 cards, beside py-fsrs, which takes them one by one."""

    def setup(self):
        import fsrs

        self.s, self.d, self.t, self.g = cards(10_000)
        self.now_s, self.now_d = self.s.copy(), self.d.copy()
        self.scheduler = fsrs.Scheduler(enable_fuzzing=False)
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.ratings = [fsrs.Rating(int(g)) for g in self.g]
        self.cards = [
            fsrs.Card(
                card_id=i,
                state=fsrs.State.Review,
                stability=float(s),
                difficulty=float(d),
                last_review=self.now - timedelta(days=int(t)),
            )
            for i, (s, d, t) in enumerate(zip(self.s, self.d, self.t, strict=True))
        ]

    time_review_cards = ReviewCards.time_review_cards

    @needs("fsrs")
    def time_oracle_py_fsrs(self):
        for card, rating in zip(self.cards, self.ratings, strict=True):
            self.scheduler.review_card(card, rating, self.now)
