"""Compiled choice of what a request shows: the best of its candidates, and those beside them."""

from __future__ import annotations

from engrain._hits import Hit, list_beside, list_hits, take_best

__all__ = ["Hit", "list_beside", "list_hits", "take_best"]
