"""FSRS parameters that fit a learner's own reviews."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import BoolArray, F64Array, I64Array, U8Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.kernels import FSRS_PARAMETERS, retrieve_cards, review_cards
from engrain.kernels.fsrs import LOWER, UPPER
from engrain.learning.fsrs.scheduler import DAY

_LEAST = 1e-4


@dataclass(frozen=True, slots=True)
class ReviewLog:
    """Reviews of many cards, laid out as (review of the card, card), most reviewed card first.

    Attributes
    ----------
    rating : ndarray of uint8, shape (reviews, cards)
        0 where a card has no such review.
    elapsed : ndarray of float64, shape (reviews, cards)
        Days since the card's review before.
    place : ndarray of int64, shape (n,)
        Cell of each review as it was given, in the flattened layout.
    """

    rating: U8Array
    elapsed: F64Array
    place: I64Array

    @classmethod
    def of(cls, cards: npt.ArrayLike, ratings: npt.ArrayLike, times: npt.ArrayLike) -> ReviewLog:
        """Lay out reviews.

        Parameters
        ----------
        cards : array_like of int, shape (n,)
        ratings : array_like of int, shape (n,)
            1 to 4.
        times : array_like of float, shape (n,)
            Seconds; reviews may come in any order.

        Raises
        ------
        ShapeError, NonFiniteError, ConfigError
        """
        card, rating = np.asarray(cards, dtype=np.int64), np.asarray(ratings, dtype=np.int64)
        time = np.asarray(times, dtype=np.float64)
        if not card.shape == rating.shape == time.shape or card.ndim != 1 or not len(card):
            raise ShapeError("cards, ratings and times must be of one length above 0")
        if not np.isfinite(time).all():
            raise NonFiniteError("times: contain NaN or infinity")
        if rating.min() < 1 or rating.max() > 4:
            raise ConfigError("ratings: need 1 (again) to 4 (easy)")
        _, card = np.unique(card, return_inverse=True)
        counts = np.bincount(card)
        column = np.empty_like(counts)
        column[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
        order = np.lexsort((time, card))
        starts = np.cumsum(counts) - counts
        row = np.empty(len(card), dtype=np.int64)
        row[order] = np.arange(len(card)) - starts[card[order]]
        shape = (int(counts.max()), len(counts))
        grid, when = np.zeros(shape, dtype=np.uint8), np.zeros(shape)
        grid[row, column[card]], when[row, column[card]] = rating, time
        elapsed = np.zeros(shape)
        elapsed[1:] = np.where(grid[1:] > 0, (when[1:] - when[:-1]) / DAY, 0.0)
        return cls(grid, elapsed, row * shape[1] + column[card])

    def predict(self, parameters: F64Array) -> F64Array:
        """Return the probability of recall before each review, in the order given, shape (n,).

        0 for the first review of a card.
        """
        stability, difficulty = np.zeros((2, self.rating.shape[1]))
        recall = np.zeros(self.rating.shape)
        for i in range(len(self.rating)):
            n = int(np.count_nonzero(self.rating[i]))
            days = self.elapsed[i, :n]
            retrieve_cards(stability[:n], days, parameters=parameters, out=recall[i, :n])
            review_cards(
                stability[:n], difficulty[:n], days, self.rating[i, :n], parameters=parameters
            )
        return np.asarray(recall.reshape(-1)[self.place])

    @property
    def recalled(self) -> BoolArray:
        """Whether each review, in the order given, was a success."""
        return np.asarray(self.rating.reshape(-1)[self.place] > 1)

    @property
    def days(self) -> F64Array:
        """Days since the review before, in the order given."""
        return np.asarray(self.elapsed.reshape(-1)[self.place])


def fit_parameters(
    log: ReviewLog,
    use: BoolArray | None = None,
    *,
    ridge: float = 0.01,
    steps: int = 12,
) -> F64Array:
    """Return the 21 parameters that best predict recall, drawn toward the published ones.

    Fisher scoring with Levenberg's damping on the mean log-loss plus
    ridge·Σ((w - w0)/(.3·abs(w0) + .1))²/100, within the bounds of FSRS-6.

    Parameters
    ----------
    log : ReviewLog
    use : ndarray of bool, shape (n,), optional
        Reviews to learn from; default all at least half a day after the one before.
    ridge : float
        Strength of the prior.
    steps : int

    Raises
    ------
    ConfigError
        No review to learn from.
    """
    chosen = np.flatnonzero(log.days >= 0.5 if use is None else use)
    if not len(chosen):
        raise ConfigError("fit_parameters: no review lies half a day after the one before it")
    truth = log.recalled[chosen].astype(np.float64)
    width = 0.3 * np.abs(FSRS_PARAMETERS) + 0.1
    curve = 2.0 * ridge / 100.0 / width**2

    def loss(at: F64Array, p: F64Array) -> float:
        penalty = 0.5 * float((curve * (at - FSRS_PARAMETERS) ** 2).sum())
        return log_loss(p, truth) + penalty

    best, damping = FSRS_PARAMETERS.copy(), 1e-2
    recall = log.predict(best)[chosen]
    least = loss(best, recall)
    for _ in range(steps):
        p = np.clip(recall, _LEAST, 1.0 - _LEAST)
        slopes = _jacobian(log, best, chosen, recall)
        weight = 1.0 / (p * (1.0 - p)) / len(p)
        gradient = slopes.T @ ((p - truth) * weight) + curve * (best - FSRS_PARAMETERS)
        hessian = (slopes * weight[:, None]).T @ slopes + np.diag(curve)
        for _ in range(6):
            damped = hessian + damping * np.diag(np.diag(hessian))
            trial = np.clip(best - np.linalg.solve(damped, gradient), LOWER, UPPER)
            recall_there = log.predict(trial)[chosen]
            value = loss(trial, recall_there)
            if value < least:
                best, recall, least = trial, recall_there, value
                damping = max(damping / 5.0, 1e-6)
                break
            damping *= 5.0
    return best


def log_loss(probability: F64Array, truth: npt.ArrayLike) -> float:
    """Return the mean -log of the probability given to what happened."""
    p = np.clip(probability, 1e-3, 1.0 - 1e-3)
    return float(-np.mean(np.where(np.asarray(truth) > 0.5, np.log(p), np.log(1.0 - p))))


def _jacobian(log: ReviewLog, at: F64Array, chosen: I64Array, recall: F64Array) -> F64Array:
    """Return the derivative of each chosen recall by each parameter, by differences."""
    slopes = np.empty((len(chosen), len(at)))
    for i in range(len(at)):
        step = 1e-4 * max(abs(at[i]), 0.05)
        step = step if at[i] + step <= UPPER[i] else -step
        moved = at.copy()
        moved[i] += step
        slopes[:, i] = (log.predict(moved)[chosen] - recall) / step
    return slopes
