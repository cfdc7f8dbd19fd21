"""Compiled packing of named arrays and a JSON header into one block of bytes; half floats."""

from __future__ import annotations

from engrain._codec import pack_block, round_to_half, to_half

__all__ = ["pack_block", "round_to_half", "to_half"]
