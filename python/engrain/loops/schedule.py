"""When the deep loop runs: a weekly moment in UTC, a missed one made up once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engrain.base.errors import ConfigError

MINUTE = 60
DAY = 86_400
WEEK = 7 * DAY
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EPOCH_WEEKDAY = DAYS.index("thursday")


@dataclass(frozen=True, slots=True)
class WeeklySchedule:
    """One moment of every week, in UTC, which has no daylight saving and so no week without it.

    Attributes
    ----------
    weekday : int
        0 is Monday, 6 Sunday.
    hour, minute : int
    """

    weekday: int = 6
    hour: int = 3
    minute: int = 0

    def __post_init__(self) -> None:
        for name, value, end in (
            ("weekday", self.weekday, 7),
            ("hour", self.hour, 24),
            ("minute", self.minute, 60),
        ):
            if not 0 <= value < end:
                raise ConfigError(f"{name}: expected 0..{end - 1}, got {value!r}")

    @classmethod
    def parse(cls, text: str) -> WeeklySchedule:
        """Read "3 AM Sunday", "12:30 PM Monday" or "15:05 Friday".

        Raises
        ------
        ConfigError
            Another form.
        """
        *clock, day = text.split()
        try:
            hour, minute = _clock_time(clock)
            return cls(DAYS.index(day.lower()), hour, minute)
        except ValueError as error:
            raise ConfigError(
                f"schedule: expected a time and a day such as '3 AM Sunday', got {text!r}"
            ) from error

    def latest(self, now: float) -> float:
        """Return the last moment of the schedule at or before `now`, in seconds of the epoch."""
        days = (self.weekday - EPOCH_WEEKDAY) % 7
        offset = days * DAY + (self.hour * 60 + self.minute) * MINUTE
        return math.floor((now - offset) / WEEK) * WEEK + offset

    def upcoming(self, now: float) -> float:
        """Return the first moment of the schedule after `now`, in seconds of the epoch."""
        return self.latest(now) + WEEK


class Appointment:
    """Tells whether the scheduled work is due; however many moments were missed, it is due once.

    Parameters
    ----------
    schedule : WeeklySchedule
    last_run : float
        Time of the last run in seconds of the epoch; for a new installation the time of its start.
    """

    def __init__(self, schedule: WeeklySchedule, last_run: float) -> None:
        self.schedule = schedule
        self.last_run = last_run

    def due(self, now: float) -> bool:
        """Return whether a moment of the schedule passed since the last run."""
        return self.schedule.latest(now) > self.last_run

    def wait(self, now: float) -> float:
        """Return the seconds until the work is due, 0 if it is."""
        return 0.0 if self.due(now) else self.schedule.upcoming(max(now, self.last_run)) - now

    def done(self, now: float) -> None:
        """Take note that the work began at `now`; a clock set back never repeats a run."""
        self.last_run = max(self.last_run, now)


def _clock_time(words: list[str]) -> tuple[int, int]:
    time, *half = words or [""]
    hour, _, minute = time.partition(":")
    number = int(hour)
    if half:
        (name,) = half
        if name.upper() not in ("AM", "PM") or not 1 <= number <= 12:
            raise ValueError(time)
        number = number % 12 + 12 * (name.upper() == "PM")
    return number, int(minute or 0)
