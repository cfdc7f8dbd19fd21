"""Whether the system improves: twelve figures over whole days in UTC, from running sums per day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from engrain.base.errors import ConfigError

DAY = 86_400.0
DAYS_KEPT = 60
Z95 = 1.959964

UNITS = {
    "quality_delta_7d": "quality, in [-1, 1]",
    "quality_delta_30d": "quality, in [-1, 1]",
    "latency_delta_7d": "milliseconds",
    "latency_delta_30d": "milliseconds",
    "memory_nodes_added_7d": "memories",
    "patterns_learned_7d": "patterns",
    "abstractions_created_7d": "concepts",
    "retention_rate_7d": "share of probes",
    "phi_current": "nats",
    "phi_delta_7d": "nats",
    "novel_connections_7d": "links",
    "cross_domain_transfers_7d": "links",
}


class Knowledge(Enum):
    """What can be counted as learned."""

    MEMORY = "memory"
    PATTERN = "pattern"
    ABSTRACTION = "abstraction"
    CONNECTION = "connection"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class ImprovementMetrics:
    """Twelve figures of self-improvement; None where the log cannot tell.

    A delta compares the last n days, today included, with the n days before them.

    Attributes
    ----------
    quality_delta_7d, quality_delta_30d : float or None
        Difference of mean quality, in [-1, 1].
    latency_delta_7d, latency_delta_30d : float or None
        Difference of mean latency in milliseconds; below 0 is better.
    memory_nodes_added_7d, patterns_learned_7d, abstractions_created_7d : int
    retention_rate_7d : float or None
        Share of frozen probes, known before, that were still answered when asked again.
    phi_current : float or None
    phi_delta_7d : float or None
        Latest value less the one that stood 7 days ago.
    novel_connections_7d, cross_domain_transfers_7d : int
    """

    quality_delta_7d: float | None = None
    quality_delta_30d: float | None = None
    latency_delta_7d: float | None = None
    latency_delta_30d: float | None = None
    memory_nodes_added_7d: int = 0
    patterns_learned_7d: int = 0
    abstractions_created_7d: int = 0
    retention_rate_7d: float | None = None
    phi_current: float | None = None
    phi_delta_7d: float | None = None
    novel_connections_7d: int = 0
    cross_domain_transfers_7d: int = 0

    def overall_score(self) -> float:
        """Return the weighted sum of the original specification, for comparison with it only.

        It adds milliseconds to shares (100 ms gained weigh as much as 20 points of 1) and rewards
        counts: read the twelve figures instead. What is unknown counts as 0.
        """
        return (
            0.3 * max(self.quality_delta_7d or 0.0, 0.0)
            + 0.2 * max(-(self.latency_delta_7d or 0.0), 0.0)
            + 0.2 * min(self.patterns_learned_7d / 100.0, 1.0)
            + 0.15 * (self.retention_rate_7d or 0.0)
            + 0.15 * min(self.novel_connections_7d / 50.0, 1.0)
        )


@dataclass(slots=True)
class _Day:
    requests: int = 0
    quality: float = 0.0
    quality_squares: float = 0.0
    latency_ms: float = 0.0
    latency_ms_squares: float = 0.0
    probes: int = 0
    retained: int = 0
    phi: float | None = None
    learned: dict[Knowledge, int] = field(default_factory=dict)


class MetricsCollector:
    """Running sums of the last 60 days, whatever the number of requests."""

    def __init__(self) -> None:
        self._days: dict[int, _Day] = {}

    def request(self, now: float, quality: float, latency_ms: float) -> None:
        """Note a request at `now`, in seconds of the epoch.

        Raises
        ------
        ConfigError
            `quality` is outside [0, 1] or `latency_ms` below 0 or not finite.
        """
        if not (0.0 <= quality <= 1.0 and 0.0 <= latency_ms < math.inf):
            raise ConfigError(
                "quality, latency_ms: expected a number in [0, 1] and a finite one of at least 0, "
                f"got {quality!r} and {latency_ms!r}"
            )
        day = self._day(now)
        day.requests += 1
        day.quality += quality
        day.quality_squares += quality**2
        day.latency_ms += latency_ms
        day.latency_ms_squares += latency_ms**2

    def learned(self, now: float, what: Knowledge, count: int = 1) -> None:
        """Note that `count` pieces of knowledge were added."""
        day = self._day(now)
        day.learned[what] = day.learned.get(what, 0) + count

    def probed(self, now: float, retained: bool) -> None:
        """Note the re-test of one frozen probe that was answered when it was frozen."""
        day = self._day(now)
        day.probes += 1
        day.retained += bool(retained)

    def measured_phi(self, now: float, phi: float) -> None:
        """Note the integration index; the last of a day stands for it."""
        self._day(now).phi = float(phi)

    def metrics(self, now: float) -> ImprovementMetrics:
        """Return the twelve figures as of `now`."""
        today = int(now // DAY)
        week = self._between(today - 6, today)
        probes = sum(d.probes for d in week)
        return ImprovementMetrics(
            quality_delta_7d=self._delta("quality", today, 7),
            quality_delta_30d=self._delta("quality", today, 30),
            latency_delta_7d=self._delta("latency_ms", today, 7),
            latency_delta_30d=self._delta("latency_ms", today, 30),
            memory_nodes_added_7d=_count(week, Knowledge.MEMORY),
            patterns_learned_7d=_count(week, Knowledge.PATTERN),
            abstractions_created_7d=_count(week, Knowledge.ABSTRACTION),
            retention_rate_7d=sum(d.retained for d in week) / probes if probes else None,
            phi_current=self._phi(today),
            phi_delta_7d=self._phi_delta(today),
            novel_connections_7d=_count(week, Knowledge.CONNECTION),
            cross_domain_transfers_7d=_count(week, Knowledge.TRANSFER),
        )

    def intervals(self, now: float) -> dict[str, tuple[float, float]]:
        """Return the 95 % intervals of the figures that are estimates, by field.

        Differences of means by Welch's normal approximation, the retention by Wilson's score
        interval; figures that are counts, and those the log cannot tell, have none.
        """
        today, found = int(now // DAY), {}
        for name, field_ in (("quality", "quality"), ("latency", "latency_ms")):
            for days in (7, 30):
                delta = self._delta(field_, today, days)
                if delta is not None:
                    half = Z95 * math.sqrt(self._variance(field_, today, days))
                    found[f"{name}_delta_{days}d"] = (delta - half, delta + half)
        week = self._between(today - 6, today)
        asked, kept = sum(d.probes for d in week), sum(d.retained for d in week)
        if asked:
            found["retention_rate_7d"] = _wilson(kept, asked)
        return found

    def _variance(self, name: str, today: int, days: int) -> float:
        late = _mean_variance(self._between(today - days + 1, today), name)
        return late + _mean_variance(self._between(today - 2 * days + 1, today - days), name)

    def state(self) -> dict[str, Any]:
        """Return the sums of all days kept: restores exactly with `load`."""
        days = {}
        for number, day in self._days.items():
            plain = asdict(day)
            plain["learned"] = {what.value: count for what, count in day.learned.items()}
            days[str(number)] = plain
        return {"days": days}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        self._days = {}
        for number, plain in state["days"].items():
            learned = {Knowledge(what): count for what, count in plain["learned"].items()}
            self._days[int(number)] = _Day(**{**plain, "learned": learned})

    def _day(self, now: float) -> _Day:
        number = int(now // DAY)
        day = self._days.setdefault(number, _Day())
        if len(self._days) > DAYS_KEPT:
            del self._days[min(self._days)]
        return day

    def _between(self, first: int, last: int) -> list[_Day]:
        return [self._days[d] for d in range(first, last + 1) if d in self._days]

    def _delta(self, name: str, today: int, days: int) -> float | None:
        late = _mean(self._between(today - days + 1, today), name)
        early = _mean(self._between(today - 2 * days + 1, today - days), name)
        return None if late is None or early is None else late - early

    def _phi(self, day: int) -> float | None:
        known = [d for d, kept in self._days.items() if d <= day and kept.phi is not None]
        return self._days[max(known)].phi if known else None

    def _phi_delta(self, today: int) -> float | None:
        late, early = self._phi(today), self._phi(today - 7)
        return None if late is None or early is None else late - early


def _mean(days: list[_Day], name: str) -> float | None:
    requests = sum(d.requests for d in days)
    return sum(getattr(d, name) for d in days) / requests if requests else None


def _mean_variance(days: list[_Day], name: str) -> float:
    """Return the squared standard error of the mean."""
    n = sum(d.requests for d in days)
    if n < 2:
        return 0.0
    total = sum(getattr(d, name) for d in days)
    squares = sum(getattr(d, f"{name}_squares") for d in days)
    return float(max(squares - total**2 / n, 0.0) / (n - 1) / n)


def _wilson(kept: int, asked: int) -> tuple[float, float]:
    rate, z2 = kept / asked, Z95**2
    middle = (rate + z2 / (2 * asked)) / (1 + z2 / asked)
    half = Z95 * math.sqrt(rate * (1 - rate) / asked + z2 / (4 * asked**2)) / (1 + z2 / asked)
    return middle - half, middle + half


def _count(days: list[_Day], what: Knowledge) -> int:
    return sum(d.learned.get(what, 0) for d in days)
