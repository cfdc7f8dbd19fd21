"""Ids are any ``str | int | UUID``; inside, a memory is a dense handle in order of insertion."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

Id: TypeAlias = str | int | UUID


def encode_id(value: Id) -> str:
    """Write an id as text that keeps its type: ``s:…``, ``i:…`` or ``u:…``.

    Raises
    ------
    TypeError
        Another type than str, int or UUID (bool is refused as well).
    """
    if isinstance(value, str):
        return "s:" + value
    if isinstance(value, int) and not isinstance(value, bool):
        return f"i:{value}"
    if isinstance(value, UUID):
        return f"u:{value.hex}"
    raise TypeError(f"id: expected str, int or UUID, got {value!r}")


def decode_id(text: str) -> Id:
    """Invert `encode_id`."""
    kind, _, body = text.partition(":")
    if kind == "s":
        return body
    return int(body) if kind == "i" else UUID(hex=body)
