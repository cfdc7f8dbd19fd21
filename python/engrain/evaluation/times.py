"""Dates as conversation logs write them, read as seconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

FORMATS = (
    "%I:%M %p on %d %B, %Y",  # 1:56 pm on 8 May, 2023
    "%d.%m.%Y, %H:%M:%S",  # 8.5.2023, 13:56:00, day first
)
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}(T|$)|\d{4}-?W\d{2}")


def parse_time(value: Any) -> float | None:
    """Return seconds since the epoch, or None where `value` is no date.

    Understood are numbers (seconds), ISO 8601, ``h:mm am on D Month, YYYY`` and day-first
    ``D.M.YYYY, HH:MM:SS``. A date without a zone is read as UTC.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    text = str(value).strip()
    moment = read_iso(text) if ISO_DATE.match(text) else read_formats(text)
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def read_iso(text: str) -> datetime | None:
    """Return the moment that an ISO 8601 text names, None where it names none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def read_formats(text: str) -> datetime | None:
    """Return the moment by the first of `FORMATS` that fits, None where none does."""
    for form in FORMATS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 (parse_time adds the zone)
        except ValueError:
            continue
    return None
