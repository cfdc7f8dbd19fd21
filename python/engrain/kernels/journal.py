"""The compiled near end of an event log: composing, chaining and packing an event in one call."""

from __future__ import annotations

from engrain._journal import LARGE, MAX_BYTES, Group, Journal

__all__ = ["LARGE", "MAX_BYTES", "Group", "Journal"]
