"""Spaced repetition: FSRS-6, its scheduler, and parameters trained on reviews."""

from __future__ import annotations

from engrain.learning.fsrs.scheduler import FSRS, Card, Phase, Rating
from engrain.learning.fsrs.training import ReviewLog, fit_parameters, log_loss

__all__ = ["FSRS", "Card", "Phase", "Rating", "ReviewLog", "fit_parameters", "log_loss"]
