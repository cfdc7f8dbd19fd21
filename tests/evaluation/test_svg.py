from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.evaluation.page import card, page, section, table
from engrain.evaluation.svg import WIDTH, histogram, interval_chart, line_chart, nice_ticks


def parse(chart: str) -> ET.Element:
    return ET.fromstring(chart)  # noqa: S314


numbers = st.floats(-1e6, 1e6, allow_nan=False)


@given(numbers, numbers)
def test_ticks_are_few_and_span_the_range(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low + 1e-6
    assert ticks[-1] >= high - 1e-6
    assert len(ticks) <= 8


def test_charts_are_wellformed_and_stay_inside_their_frame() -> None:
    rows = [("a <b> & c", 0.1, (0.05, 0.15)), ("none", -0.02, (-0.05, 0.01)), ("bare", 0.0, None)]
    charts = [
        line_chart(
            "t", {"static": [(1, 0.2), (9, 0.3)], "learned": [(1, 0.2), (9, 0.6)]}, x_label="n"
        ),
        interval_chart("t", rows),
        histogram("t", np.random.default_rng(1).lognormal(5, 1, 500).tolist(), unit="µs"),
    ]
    for chart in charts:
        for element in parse(chart).iter():
            for key in ("x", "x1", "x2", "cx"):
                assert 0 <= float(element.get(key, 0)) <= WIDTH


@pytest.mark.parametrize("values", [[], [5.0], [5.0, 5.0]])
def test_charts_of_little_data(values: list[float]) -> None:
    charts = (
        histogram("t", values, unit="µs"),
        line_chart("t", {"one": [(v, v) for v in values]}, x_label="n"),
        interval_chart("t", [("x", v, None) for v in values]),
    )
    for chart in charts:
        assert parse(chart).tag.endswith("svg")


def test_a_page_is_one_file_without_links_or_scripts() -> None:
    text = page(
        "<T>", "lead", card("1", "x", "good") + section("s", "n", table(["a"], [["<b>"]])), "f"
    )
    assert text.startswith("<!doctype html>")
    assert "&lt;T&gt;" in text
    assert "&lt;b&gt;" in text
    for outside in ("<script", "<link", "http://", "https://", "url(", "@import"):
        assert outside not in text
