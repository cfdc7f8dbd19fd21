"""Compiled packing of named arrays and a JSON header into one block of bytes."""

from __future__ import annotations

from engrain._codec import pack_block

__all__ = ["pack_block"]
