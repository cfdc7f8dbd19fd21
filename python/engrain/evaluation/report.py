"""The report of an evaluation as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import engrain
from engrain.evaluation.page import card, page, section, table
from engrain.evaluation.svg import Row, interval_chart, line_chart
from engrain.memory.meanings import meaning

LEAST_DRAWN = 0.002  # in nDCG@10, of a mechanism that is drawn although its interval holds 0
SIMULATED = "Feedback is simulated from the data set's own answers; no person clicked."
MEASURES = {"ndcg10": "nDCG@10", "recall5": "recall@5", "recall10": "recall@10", "mrr": "MRR@10",
            "r1": "success@1"}  # fmt: skip


def interval_text(ci: Sequence[float] | None) -> str:
    """Write an interval as ``[+.012, +.034]``."""
    return "–" if ci is None else f"[{ci[0]:+.3f}, {ci[1]:+.3f}]"


def signed(value: float | None) -> str:
    """Write a lift with its sign."""
    return "–" if value is None else f"{value:+.3f}"


def verdict(ci: Sequence[float] | None) -> str:
    """Return the class of a lift: good or bad where its interval excludes 0."""
    if ci is None or ci[0] <= 0 <= ci[1]:
        return ""
    return "good" if ci[0] > 0 else "bad"


def lift_rows(report: Mapping[str, Any]) -> list[Row]:
    """Return the lifts of a report as rows of an interval chart."""
    named = {
        "all questions": (report["lift"]["ndcg10"], report["lift"]["ci95"]),
        "overlap": (report["overlap"]["lift"], report["overlap"]["ci95"]),
        "no overlap": (report["no_overlap"]["lift"], report["no_overlap"]["ci95"]),
        "weights alone": (report["static_weights"]["lift"], report["static_weights"]["ci95"]),
        "evidence on top": (report["evidence"]["lift"], report["evidence"]["ci95"]),
    }
    return [(name, value, ci) for name, (value, ci) in named.items() if value is not None]


def mechanism_section(mechanisms: Mapping[str, Any], note: str) -> str:
    """Return what the mechanisms bring, largest first, without those that hardly move anything."""
    measured = {name: m for name, m in mechanisms.items() if m["lift"] is not None}
    rows: list[Row] = [
        (f"{meaning(name)} ({name})", m["lift"], m["ci95"])
        for name, m in measured.items()
        if verdict(m["ci95"]) or abs(m["lift"]) >= LEAST_DRAWN
    ]
    rest = f" {len(measured) - len(rows)} others move it by less than {LEAST_DRAWN}."
    chart = interval_chart("Mechanisms", sorted(rows, key=lambda row: -row[1]), above=True)
    return section("Mechanisms", note + rest, chart)


def learning_curve(curve: Sequence[Mapping[str, float]]) -> str:
    """Return static and learned nDCG@10 along the stream."""
    series = {
        name: [(block["requests"], block[name]) for block in curve]
        for name in ("static", "learned")
    }
    return line_chart("Learning curve", series, x_label="requests")


def latency_table(latency: Mapping[str, float]) -> str:
    """Return the latencies in microseconds."""
    rows = [
        [kind, f"{latency[f'{kind}_p50']:,.0f} µs", f"{latency[f'{kind}_p99']:,.0f} µs"]
        for kind in ("recall", "feedback")
    ]
    return table(["", "p50", "p99"], rows)


def evaluation_page(report: Mapping[str, Any]) -> str:
    """Return the page of one `evaluate` report."""
    lift = report["lift"]
    cards = "".join([
        card(f"{report['static']['ndcg10']:.3f}", "nDCG@10, static base"),
        card(f"{report['learned']['ndcg10']:.3f}", "nDCG@10, learned"),
        card(signed(lift["ndcg10"]), f"lift, 95 % {interval_text(lift['ci95'])}",
             verdict(lift["ci95"])),
        card(f"{report['latency_us']['recall_p50']:,.0f} µs", "median recall"),
    ])  # fmt: skip
    measures = [
        [label, f"{report['static'][key]:.4f}", f"{report['learned'][key]:.4f}",
         f"{report['learned'][key] - report['static'][key]:+.4f}"]
        for key, label in MEASURES.items()
    ]  # fmt: skip
    blocks = [
        section("Lift in nDCG@10", "Dots are means, bars 95 % bootstrap intervals.",
                interval_chart("Lift", lift_rows(report))),
        section("Measures", f"{report['queries']:,} questions.",
                table(["", "static", "learned", "change"], measures)),
        mechanism_section(report["mechanisms"],
                          "What each one's addends bring: with all, minus without it."),
        section("Latency", "One thread, this machine.", latency_table(report["latency_us"])),
    ]  # fmt: skip
    if "curve" in report:
        note = "Means of equal parts of the stream, both rankings from the same state."
        blocks.insert(0, section("Learning curve", note, learning_curve(report["curve"])))
    return page(
        f"{report['dataset']}: {report['protocol']}",
        SIMULATED,
        f'<div class="cards">{cards}</div><div class="grid">{"".join(blocks)}</div>',
        f"engrain {engrain.__version__}",
    )
