from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from engrain import kernels
from engrain.kernels import reference
from engrain.kernels.fsrs import FSRS_PARAMETERS

CARDS = 100_000


class ReviewCards:
    """One review of 100,000 cards, beside NumPy and one card of py-fsrs."""

    comparisons = {
        "time_review_cards": ["time_numpy"],
        "time_retrieve_cards": [],
        "time_fsrs_interval": [],
    }

    def setup(self):
        import fsrs

        rng = np.random.default_rng(0)
        self.s, self.d = rng.uniform(1, 100, CARDS), rng.uniform(1, 10, CARDS)
        self.t = np.floor(rng.uniform(1, 50, CARDS))
        self.g = rng.integers(1, 5, CARDS).astype(np.uint8)
        self.now_s, self.now_d, self.out = self.s.copy(), self.d.copy(), self.s.copy()
        self.scheduler = fsrs.Scheduler(enable_fuzzing=False)
        self.later = datetime(2026, 1, 6, tzinfo=UTC)
        self.good = fsrs.Rating.Good
        self.card, now = fsrs.Card(), datetime(2026, 1, 1, tzinfo=UTC)
        for minutes in (0, 11):
            now += timedelta(minutes=minutes)
            self.card, _ = self.scheduler.review_card(self.card, self.good, now)

    def time_review_cards(self):
        self.now_s[:], self.now_d[:] = self.s, self.d
        kernels.review_cards(self.now_s, self.now_d, self.t, self.g)

    def time_numpy(self):
        reference.review_cards(self.s, self.d, self.t, self.g, FSRS_PARAMETERS)

    def time_oracle_py_fsrs_one_card(self):
        self.scheduler.review_card(self.card, self.good, self.later)

    def time_retrieve_cards(self):
        kernels.retrieve_cards(self.s, self.t, out=self.out)

    def time_fsrs_interval(self):
        kernels.fsrs_interval(self.s)
