"""Tests by betting, and what they keep from doing harm in a ranking."""

from __future__ import annotations

from engrain._safeguard import BETS, Bets, SafeguardState

__all__ = ["BETS", "Bets", "SafeguardState"]
