"""Linear contextual bandits: ridge regression per arm, kept up by Sherman-Morrison steps."""

from __future__ import annotations

from engrain._bandit import LinearBandit

__all__ = ["LinearBandit"]
