"""New memories: checked at the door, embedded in one batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError
from engrain.base.ids import encode_id
from engrain.memory import doors

FIELDS = frozenset({"text", "vector", "id", "metadata", "source", "sequence", "time"})


@dataclass(slots=True)
class Item:
    """A memory about to be logged; `encoded_id` is None until one is chosen."""

    text: str
    vector: F32Array | None
    encoded_id: str | None
    metadata: dict[str, Any]
    source: str | None
    sequence: str | None
    time: float


def checked_items(
    items: Iterable[str | Mapping[str, Any]], now: float, width: int | None
) -> list[Item]:
    """Check all items before any of them is remembered.

    Raises
    ------
    ConfigError, ShapeError, NonFiniteError, TypeError
        Names the item's place and the argument.
    """
    if isinstance(items, str | Mapping):
        raise TypeError("remember_many: expected an iterable of items; use remember for one")
    checked = [_checked(item, now, width) for item in items]
    named = [item.encoded_id for item in checked if item.encoded_id is not None]
    if len(set(named)) < len(named):
        raise ConfigError("remember_many: an id occurs twice among the items")
    widths = {item.vector.size for item in checked if item.vector is not None}
    if len(widths) > 1:
        raise ConfigError(f"remember_many: vectors of several widths {sorted(widths)}")
    return checked


def _checked(item: str | Mapping[str, Any], now: float, width: int | None) -> Item:
    fields: dict[str, Any] = {"text": item} if isinstance(item, str) else dict(item)
    unknown = set(fields) - FIELDS
    if unknown:
        raise ConfigError(f"unknown argument {min(unknown)!r}; known: {', '.join(sorted(FIELDS))}")
    vector, id, time = (fields.get(name) for name in ("vector", "id", "time"))
    if fields.get("text") is None and vector is None:
        raise ConfigError("remember: give a text, a vector or both")
    return Item(
        text=doors.checked_text(fields.get("text")),
        vector=None if vector is None else doors.checked_vector(vector, width),
        encoded_id=None if id is None else encode_id(id),
        metadata=doors.checked_metadata(fields.get("metadata")),
        source=doors.checked_name(fields.get("source"), "source"),
        sequence=doors.checked_name(fields.get("sequence"), "sequence"),
        time=now if time is None else doors.checked_number(time, "time"),
    )


def is_turn(item: Item) -> bool:
    """Tell whether an item is somebody's turn in a sequence."""
    return item.sequence is not None and item.source is not None
