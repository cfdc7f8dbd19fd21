"""Ids are any ``str | int | UUID``; inside, a memory is a dense handle in order of insertion."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

Id: TypeAlias = str | int | UUID


def check_id(value: Id) -> Id:
    """Return an id.

    Raises
    ------
    TypeError
        Another type than str, int or UUID (bool is refused as well).
    """
    if isinstance(value, str | int | UUID) and not isinstance(value, bool):
        return value
    raise TypeError(f"id: expected str, int or UUID, got {value!r}")


def encode_id(value: Id) -> str:
    """Write an id as text that keeps its type: ``s:…``, ``i:…`` or ``u:…``.

    Raises
    ------
    TypeError
        As `check_id`.
    """
    if isinstance(value, str):
        return "s:" + value
    known = check_id(value)
    return f"u:{known.hex}" if isinstance(known, UUID) else f"i:{known}"


def decode_id(text: str) -> Id:
    """Invert `encode_id`."""
    kind, _, body = text.partition(":")
    if kind == "s":
        return body
    return int(body) if kind == "i" else UUID(hex=body)
