from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.clock import SimulatedClock
from engrain.base.errors import ConfigError
from engrain.loops import Appointment, WeeklySchedule

SUNDAY = WeeklySchedule.parse("3 AM Sunday")
START = datetime(2026, 1, 1, tzinfo=UTC)


def simulate(days: int, step: float, gap: range = range(0)) -> list[datetime]:
    """Return when work ran in a year looked at every `step` seconds, save on the days of `gap`."""
    clock = SimulatedClock(START.timestamp())
    appointment = Appointment(SUNDAY, clock())
    runs = []
    while clock() < START.timestamp() + days * 86_400:
        away = int((clock() - START.timestamp()) // 86_400) in gap
        if not away and appointment.due(clock()):
            appointment.done(clock())
            runs.append(datetime.fromtimestamp(clock(), UTC))
        clock.advance(step)
    return runs


def test_a_year_fires_every_sunday_at_three_exactly_once() -> None:
    runs = simulate(365, step=900.0)
    sundays = [START + timedelta(days=d, hours=3) for d in range(365)]
    assert runs == [d for d in sundays if d.weekday() == 6]
    assert len(runs) == 52


def test_sleeping_until_due_fires_at_the_same_moments() -> None:
    clock = SimulatedClock(START.timestamp())
    appointment = Appointment(SUNDAY, clock())
    runs = []
    for _ in range(52):
        clock.advance(appointment.wait(clock()))
        assert appointment.wait(clock()) == 0.0
        appointment.done(clock())
        runs.append(datetime.fromtimestamp(clock(), UTC))
    assert runs == simulate(365, step=900.0)


def test_missed_runs_are_made_up_once() -> None:
    runs = simulate(60, step=3600.0, gap=range(2, 27))
    first = START + timedelta(days=27)
    assert runs[0] == first
    assert [r for r in runs if r < first + timedelta(days=2)] == [first]
    assert runs[1].weekday() == 6


def test_a_clock_set_back_never_repeats_a_run() -> None:
    sunday = datetime(2026, 1, 4, 3, tzinfo=UTC).timestamp()
    appointment = Appointment(SUNDAY, START.timestamp())
    appointment.done(sunday)
    assert not appointment.due(sunday - 7200.0)
    assert not appointment.due(sunday + 3600.0)
    assert appointment.wait(sunday - 7200.0) == 7 * 86_400 + 7200.0


@given(
    st.integers(0, 6),
    st.integers(0, 23),
    st.integers(0, 59),
    st.floats(-1e10, 1e10, allow_nan=False),
)
def test_moments_fall_on_the_schedule(weekday: int, hour: int, minute: int, now: float) -> None:
    schedule = WeeklySchedule(weekday, hour, minute)
    latest, upcoming = schedule.latest(now), schedule.upcoming(now)
    assert latest <= now < upcoming
    for moment in (latest, upcoming):
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=moment)
        assert (when.weekday(), when.hour, when.minute, when.second) == (weekday, hour, minute, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 AM Sunday", (6, 3, 0)),
        ("12 AM Monday", (0, 0, 0)),
        ("12:30 pm friday", (4, 12, 30)),
        ("15:05 Friday", (4, 15, 5)),
    ],
)
def test_readings(text: str, expected: tuple[int, int, int]) -> None:
    schedule = WeeklySchedule.parse(text)
    assert (schedule.weekday, schedule.hour, schedule.minute) == expected


@pytest.mark.parametrize(
    "text", ["Sunday", "3 AM", "13 PM Sunday", "25:00 Sunday", "3 XM Sunday", "3 AM Sun", "a b c d"]
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        WeeklySchedule.parse(text)
