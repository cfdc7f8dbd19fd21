"""Charts as inline SVG: no script, no font, no file besides the page that holds them.

Colours come from the page's CSS classes (``line0``, ``line1``, ``bar``, ``axis``, ``label``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TypeAlias

import numpy as np

Point: TypeAlias = tuple[float, float]
Row: TypeAlias = tuple[str, float, tuple[float, float] | None]

WIDTH = 640
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 34


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers that span [low, high], about `count` of them."""
    span = max(high - low, 1e-9)
    raw = span / count
    magnitude = 10.0 ** np.floor(np.log10(raw))
    step = float(min(m for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw) * magnitude)
    first = np.floor(low / step)
    last = max(np.ceil(high / step), first + 1)
    return [round(float(k * step), 10) for k in np.arange(first, last + 1)]


def text(x: float, y: float, content: str, anchor: str = "middle", kind: str = "label") -> str:
    """Return one piece of text."""
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(content)}</text>"
    )


def rule(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> str:
    """Return one straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def frame(height: float, title: str, parts: Sequence[str]) -> str:
    """Wrap the parts of a chart, with a title for screen readers."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def line_chart(
    title: str, series: Mapping[str, Sequence[Point]], *, x_label: str, height: int = 260
) -> str:
    """Return lines over a shared grid, each labelled at its end."""
    points = [point for line in series.values() for point in line]
    if not points:
        return frame(40, title, [text(WIDTH / 2, 24, "no data")])
    ticks = nice_ticks(min(y for _, y in points), max(y for _, y in points))
    low_x, high_x = min(x for x, _ in points), max(x for x, _ in points)
    right = WIDTH - RIGHT - 74

    def place(point: Point) -> Point:
        x = LEFT + (point[0] - low_x) / max(high_x - low_x, 1e-9) * (right - LEFT)
        share = (point[1] - ticks[0]) / (ticks[-1] - ticks[0])
        return x, height - BOTTOM - share * (height - BOTTOM - TOP)

    parts = []
    for tick in ticks:
        y = place((low_x, tick))[1]
        parts += [rule(LEFT, y, right, y), text(LEFT - 8, y + 4, f"{tick:g}", "end")]
    for tick in nice_ticks(low_x, high_x):
        if low_x <= tick <= high_x:
            parts.append(text(place((tick, ticks[0]))[0], height - 14, f"{tick:,.0f}"))
    parts.append(text((LEFT + right) / 2, height - 1, x_label))
    for number, (name, line) in enumerate(series.items()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, line))
        x, y = place(line[-1])
        parts.append(f'<polyline class="line{number}" points="{path}"/>')
        parts.append(f'<circle class="dot{number}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
        parts.append(text(x + 8, y + 4, name, "start", f"name{number}"))
    return frame(height, title, parts)


def interval_chart(
    title: str, rows: Sequence[Row], *, signed: bool = True, above: bool = False
) -> str:
    """Return one dot with its interval per row, over a line at zero; names beside or `above` it."""
    left, step = (LEFT, 46) if above else (190, 26)
    name_x, name_dy, anchor = (0, -16, "start") if above else (left - 12, 4, "end")
    height = TOP + step * len(rows) + BOTTOM
    ends = [v for _, value, ci in rows for v in (value, *(ci or ()))]
    ticks = nice_ticks(min([0.0, *ends]), max([0.0, *ends]))

    def at(value: float) -> float:
        return left + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (WIDTH - RIGHT - 70 - left)

    form = "+.3f" if signed else ".3f"
    parts = [rule(at(t), TOP, at(t), height - BOTTOM) for t in ticks]
    parts += [text(at(t), height - 14, f"{t:g}") for t in ticks]
    parts.append(rule(at(0), TOP, at(0), height - BOTTOM, "zero"))
    for number, (name, value, ci) in enumerate(rows):
        y = TOP + step * (number + (0.75 if above else 0.5))
        kind = "up" if value > 0 else "down"
        if ci is not None:
            kind = "none" if ci[0] <= 0 <= ci[1] else kind
            parts.append(rule(at(ci[0]), y, at(ci[1]), y, f"whisker {kind}"))
        parts.append(f'<circle class="mark {kind}" cx="{at(value):.1f}" cy="{y:.1f}" r="4.5"/>')
        parts.append(text(name_x, y + name_dy, name, anchor))
        parts.append(text(WIDTH - 4, y + 4, format(value, form), "end", "value"))
    return frame(height, title, parts)


def histogram(title: str, values: Sequence[float], *, unit: str, height: int = 170) -> str:
    """Return the distribution on a logarithmic axis, the median and the 99th percentile marked."""
    if len(values) == 0:
        return frame(40, title, [text(WIDTH / 2, 24, "no data")])
    logs = np.log10(np.maximum(np.asarray(values, dtype=float), 1e-3))
    low, high = float(logs.min()), float(max(logs.max(), logs.min() + 0.3))
    counts, edges = np.histogram(logs, bins=48, range=(low, high))
    floor = height - BOTTOM

    def at(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = []
    for count, start, end in zip(counts, edges, edges[1:], strict=False):
        tall = float(count / counts.max()) * (floor - TOP - 18)
        parts.append(
            f'<rect class="bar" x="{at(start):.1f}" y="{floor - tall:.1f}" '
            f'width="{max(at(end) - at(start) - 1, 0.5):.1f}" height="{tall:.1f}"/>'
        )
    round_numbers = [m * 10.0**e for e in range(-1, 7) for m in (1, 2, 5)]
    parts += [
        text(at(float(np.log10(tick))), height - 14, f"{tick:,.0f}")
        for tick in round_numbers
        if low <= np.log10(tick) <= high
    ]
    for q in (50, 99):
        mark = float(np.percentile(values, q))
        x = at(float(np.log10(max(mark, 1e-3))))
        parts.append(rule(x, TOP + 10, x, floor, "zero"))
        parts.append(text(x, TOP + 4, f"p{q} {mark:,.0f} {unit}", "middle", "value"))
    parts.append(rule(LEFT, floor, WIDTH - RIGHT, floor, "axis"))
    return frame(height, title, parts)
