from __future__ import annotations

import json
from dataclasses import asdict, fields

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.loops import ImprovementMetrics, Knowledge, MetricsCollector
from engrain.loops.improvement import UNITS

DAY = 86_400.0
START = 20_000 * DAY


def planted() -> MetricsCollector:
    """Return a log of days 0..39, two requests a day at 06:00 and 18:00."""
    log = MetricsCollector()
    for day in range(40):
        now = START + day * DAY
        quality, latency = (0.4, 200.0) if day < 26 else (0.5, 180.0) if day < 33 else (0.7, 150.0)
        log.request(now + 6 * 3600.0, quality - 0.1, latency + 10.0)
        log.request(now + 18 * 3600.0, quality + 0.1, latency - 10.0)
        log.learned(now, Knowledge.MEMORY, 5)
        log.probed(now, retained=day % 4 != 0)
        if day % 10 == 0 or day == 39:
            log.measured_phi(now, 0.01 * day)
    log.learned(START + 33 * DAY, Knowledge.PATTERN, 12)
    log.learned(START + 33 * DAY - 1.0, Knowledge.PATTERN, 1000)
    log.learned(START + 39 * DAY, Knowledge.ABSTRACTION, 3)
    log.learned(START + 36 * DAY, Knowledge.CONNECTION, 25)
    log.learned(START + 38 * DAY, Knowledge.TRANSFER, 2)
    return log


def test_all_twelve_fields_equal_the_hand_computed_table() -> None:
    found = asdict(planted().metrics(START + 39 * DAY + 23 * 3600.0))
    assert found == pytest.approx(
        {
            # days 33..39 against 26..32
            "quality_delta_7d": 0.7 - 0.5,
            "latency_delta_7d": 150.0 - 180.0,
            # days 10..39 (16 at .4, 7 at .5, 7 at .7) against 0..9
            "quality_delta_30d": (16 * 0.4 + 7 * 0.5 + 7 * 0.7) / 30 - 0.4,
            "latency_delta_30d": (16 * 200 + 7 * 180 + 7 * 150) / 30 - 200.0,
            "memory_nodes_added_7d": 35,
            "patterns_learned_7d": 12,
            "abstractions_created_7d": 3,
            # of days 33..39 only 36 failed
            "retention_rate_7d": 6 / 7,
            # .39 today; day 32 still stood at day 30's .30
            "phi_current": 0.39,
            "phi_delta_7d": 0.09,
            "novel_connections_7d": 25,
            "cross_domain_transfers_7d": 2,
        }
    )


def test_estimates_have_intervals_and_every_figure_a_unit() -> None:
    log, now = planted(), START + 39 * DAY + 23 * 3600.0
    found = log.intervals(now)
    # 14 requests a week, each .1 above or below the mean: s^2 = 14 * .01 / 13
    half = 1.959964 * np.sqrt(2 * (14 * 0.01 / 13) / 14)
    assert found["quality_delta_7d"] == pytest.approx((0.2 - half, 0.2 + half))
    half = 1.959964 * np.sqrt(2 * (14 * 100.0 / 13) / 14)
    assert found["latency_delta_7d"] == pytest.approx((-30.0 - half, -30.0 + half))
    # Wilson's interval of 6 in 7
    assert found["retention_rate_7d"] == pytest.approx((0.4869, 0.9743), abs=1e-4)
    assert set(found) == {
        "quality_delta_7d",
        "quality_delta_30d",
        "latency_delta_7d",
        "latency_delta_30d",
        "retention_rate_7d",
    }
    assert set(UNITS) == {f.name for f in fields(ImprovementMetrics)}
    assert MetricsCollector().intervals(now) == {}


def test_the_sums_of_days_survive_in_a_state() -> None:
    log, other = planted(), MetricsCollector()
    other.load(json.loads(json.dumps(log.state())))
    now = START + 39 * DAY
    for each in (log, other):
        each.learned(now, Knowledge.MEMORY)
    assert other.metrics(now) == log.metrics(now)
    assert other.intervals(now) == log.intervals(now)


def test_an_empty_log_claims_nothing() -> None:
    assert MetricsCollector().metrics(START) == ImprovementMetrics()
    assert ImprovementMetrics().overall_score() == 0.0


def test_the_original_score_is_kept_as_it_was_written() -> None:
    metrics = ImprovementMetrics(
        quality_delta_7d=0.2,
        latency_delta_7d=-30.0,
        patterns_learned_7d=12,
        retention_rate_7d=1.0,
        novel_connections_7d=100,
    )
    assert metrics.overall_score() == pytest.approx(0.06 + 6.0 + 0.024 + 0.15 + 0.15)


def test_only_sixty_days_are_kept_and_late_arrivals_do_not_push_out_newer_ones() -> None:
    log = MetricsCollector()
    for day in range(100):
        log.learned(START + day * DAY, Knowledge.MEMORY)
    log.learned(START, Knowledge.MEMORY)
    assert len(log._days) == 60
    assert log.metrics(START + 99 * DAY).memory_nodes_added_7d == 7


@pytest.mark.parametrize(("quality", "latency"), [(1.1, 5.0), (float("nan"), 5.0), (0.5, -1.0)])
def test_bad_requests_are_refused(quality: float, latency: float) -> None:
    log = MetricsCollector()
    with pytest.raises(ConfigError, match="latency_ms"):
        log.request(START, quality, latency)
    assert log.metrics(START) == ImprovementMetrics()
