"""When to see a memory again: FSRS-6 with its learning steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError
from engrain.kernels import FSRS_PARAMETERS, retrieve_cards, review_cards

DAY = 86_400.0


class Rating(IntEnum):
    """How a review went."""

    AGAIN = 1
    HARD = 2
    GOOD = 3
    EASY = 4


class Phase(IntEnum):
    """Where a card stands."""

    LEARNING = 1
    REVIEW = 2
    RELEARNING = 3


_RATINGS = {int(rating): rating for rating in Rating}


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of one memory's memory.

    Attributes
    ----------
    stability : float
        Days after which recall has probability .9; 0 for a new card.
    difficulty : float
        In [1, 10]; 0 for a new card.
    phase : Phase
    step : int
        Of the learning or relearning steps.
    last_review : float or None
        Seconds.
    due : float
        Seconds.
    """

    stability: float = 0.0
    difficulty: float = 0.0
    phase: Phase = Phase.LEARNING
    step: int = 0
    last_review: float | None = None
    due: float = 0.0


class FSRS:
    """The free spaced repetition scheduler, version 6.

    R = (1 + F·t/S)^-w20 with F = .9^(-1/w20) - 1; after a review stability and difficulty move as
    the algorithm text of open-spaced-repetition says (FSRS-6).

    Parameters
    ----------
    parameters : array_like, shape (21,), optional
    desired_retention : float
        Probability of recall at which a card is due, in (0, 1).
    learning_steps, relearning_steps : sequence of float
        Seconds to the next sight of a card that is new, or was forgotten.
    maximum_interval : int
        Days.
    whole_days : bool
        Count elapsed time in whole days, as the published scheduler does.

    Raises
    ------
    ConfigError
        A setting is out of range.
    """

    def __init__(
        self,
        parameters: npt.ArrayLike | None = None,
        desired_retention: float = 0.9,
        *,
        learning_steps: Sequence[float] = (60.0, 600.0),
        relearning_steps: Sequence[float] = (600.0,),
        maximum_interval: int = 36_500,
        whole_days: bool = True,
    ) -> None:
        if not 0.0 < desired_retention < 1.0 or maximum_interval < 1:
            raise ConfigError(
                f"desired_retention {desired_retention} in (0, 1), maximum_interval >= 1"
            )
        self.parameters: F64Array = (
            FSRS_PARAMETERS if parameters is None else np.array(parameters, dtype=np.float64)
        )
        self.desired_retention = desired_retention
        self.learning_steps = tuple(learning_steps)
        self.relearning_steps = tuple(relearning_steps)
        self.maximum_interval = maximum_interval
        self.whole_days = whole_days
        retrieve_cards(np.ones(1), np.ones(1), parameters=self.parameters)  # checks their bounds
        exponent = -1.0 / float(self.parameters[20])
        self._forgetting: float = 0.9**exponent - 1.0
        self._horizon: float = desired_retention**exponent - 1.0

    def elapsed(self, card: Card, now: float) -> float:
        """Return the days since the last review, at least 0."""
        if card.last_review is None:
            return 0.0
        days = max(0.0, (now - card.last_review) / DAY)
        return float(int(days)) if self.whole_days else days

    def retrievability(self, card: Card, now: float) -> float:
        """Return the probability that a card is recalled now, 0 for a new one."""
        stability, days = np.array([card.stability]), np.array([self.elapsed(card, now)])
        return float(retrieve_cards(stability, days, parameters=self.parameters)[0])

    def interval(self, stability: float) -> int:
        """Return after how many days recall falls to the desired retention."""
        days = round(stability / self._forgetting * self._horizon)
        return min(max(days, 1), self.maximum_interval)

    def review(self, card: Card, rating: int, now: float) -> Card:
        """Return the card after a review at `now`, in seconds.

        Raises
        ------
        ValueError
            The rating is not 1 to 4.
        """
        grade = _RATINGS.get(rating) or Rating(rating)
        state = np.array([[card.stability], [card.difficulty], [self.elapsed(card, now)]])
        rated = np.array([grade], dtype=np.uint8)
        review_cards(state[0], state[1], state[2], rated, parameters=self.parameters)
        (stability,), (difficulty,), _ = state.tolist()
        phase, step, wait = self._next(card, grade, stability)
        return Card(stability, difficulty, phase, step, now, now + wait)

    def _next(self, card: Card, grade: Rating, stability: float) -> tuple[Phase, int, float]:
        """Return phase, step and seconds to wait."""
        graduated = Phase.REVIEW, 0, self.interval(stability) * DAY
        if card.phase == Phase.REVIEW:
            if grade != Rating.AGAIN or not self.relearning_steps:
                return graduated
            return Phase.RELEARNING, 0, self.relearning_steps[0]
        steps = self.learning_steps if card.phase == Phase.LEARNING else self.relearning_steps
        step = card.step
        if not steps or grade == Rating.EASY or (step >= len(steps) and grade != Rating.AGAIN):
            return graduated
        if grade == Rating.AGAIN:
            return card.phase, 0, steps[0]
        if grade == Rating.HARD:
            return card.phase, step, _hard_wait(steps, step)
        if step + 1 == len(steps):
            return graduated
        return card.phase, step + 1, steps[step + 1]


def _hard_wait(steps: Sequence[float], step: int) -> float:
    if step > 0:
        return steps[step]
    return steps[0] * 1.5 if len(steps) == 1 else (steps[0] + steps[1]) / 2.0
