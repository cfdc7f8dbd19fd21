"""Filters in force: each distinct filter is a scope with its own means and question memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from engrain.base.arrays import I64Array
from engrain.base.errors import ConfigError
from engrain.base.protocols import Record

FIELDS = frozenset({"source", "sequence"})


def filter_key(filter: Mapping[str, Any] | None) -> str:
    """Write a filter as canonical JSON; "" for none.

    Raises
    ------
    ConfigError
        A value is not a string, number, bool, None or a list of those.
    """
    if not filter:
        return ""
    for name, value in filter.items():
        values = value if isinstance(value, list | tuple) else [value]
        if not isinstance(name, str) or not all(
            item is None or isinstance(item, str | int | float) for item in values
        ):
            raise ConfigError(
                f"filter[{name!r}]: expected a string, number, bool, None or a list of those, "
                f"got {value!r}"
            )
    return json.dumps(filter, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def matches(record: Record, filter: Mapping[str, Any]) -> bool:
    """Tell whether a memory passes: each field equals the value, or one of a list of values."""
    for name, wanted in filter.items():
        missing = name not in record.metadata and name in FIELDS
        value = getattr(record, name) if missing else record.metadata.get(name)
        if value not in wanted if isinstance(wanted, list) else value != wanted:
            return False
    return True


class Scopes:
    """Scope numbers by filter; number 0 is the whole memory.

    At most `capacity` filters; further ones are refused, because each keeps its own means.
    """

    def __init__(self, capacity: int = 65_536) -> None:
        self.keys: list[str] = [""]
        self._filters: list[dict[str, Any]] = [{}]
        self._numbers = {"": 0}
        self.capacity = capacity

    def number(self, key: str) -> int | None:
        """Return the number of a filter, None when it is new."""
        return self._numbers.get(key)

    def check_room(self) -> None:
        """Refuse one filter too many.

        Raises
        ------
        ConfigError
            As many filters as `capacity` are in use.
        """
        if len(self.keys) >= self.capacity:
            raise ConfigError(f"more than {self.capacity} distinct filters; use fewer, wider ones")

    def add(self, key: str, records: list[Record | None]) -> I64Array:
        """Number a new filter and return the handles that pass it, ascending."""
        self._numbers[key] = len(self.keys)
        self.keys.append(key)
        self._filters.append(json.loads(key))
        wanted = self._filters[-1]
        passing = (r.handle for r in records if r is not None and matches(r, wanted))
        return np.fromiter(passing, np.int64)

    def of(self, record: Record) -> list[int]:
        """Return the numbers above 0 of the scopes that a new memory belongs to."""
        return [n for n, wanted in enumerate(self._filters) if n and matches(record, wanted)]
