from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.evaluation.times import parse_time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1:56 pm on 8 May, 2023", datetime(2023, 5, 8, 13, 56, tzinfo=UTC)),
        ("12:04 am on 31 December, 2022", datetime(2022, 12, 31, 0, 4, tzinfo=UTC)),
        ("7.3.2021, 09:05:01", datetime(2021, 3, 7, 9, 5, 1, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        (
            "2024-02-29 10:00:00+02:00",
            datetime(2024, 2, 29, 10, tzinfo=timezone(timedelta(hours=2))),
        ),
        (12.5, datetime.fromtimestamp(12.5, UTC)),
    ],
)
def test_dates_of_every_form(text: str | float, moment: datetime) -> None:
    assert parse_time(text) == moment.timestamp()


@pytest.mark.parametrize("text", ["", "  ", "yesterday", "32.1.2020, 00:00:00", "10:31:00", None])
def test_what_is_no_date_is_none(text: str | None) -> None:
    assert parse_time(text) is None
    assert parse_time(True) is None


@given(st.integers(31_536_000, 7_226_582_400))
def test_day_first_dates_read_back(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    text = f"{moment.day}.{moment.month}.{moment.year}, {moment:%H:%M:%S}"
    assert parse_time(text) == moment.timestamp()
    assert parse_time(moment.isoformat()) == moment.timestamp()


@given(st.text(max_size=40))
def test_any_text_is_answered(text: str) -> None:
    seconds = parse_time(text)
    assert seconds is None or isfinite(seconds)
