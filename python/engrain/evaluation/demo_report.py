"""The demo's figures as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import engrain
from engrain.evaluation.page import card, page, section, table
from engrain.evaluation.report import (
    interval_text,
    learning_curve,
    mechanism_section,
    signed,
    verdict,
)
from engrain.evaluation.svg import histogram, interval_chart

PARTS = {
    "overlap": "new, about taught functions",
    "no_overlap": "new, about other functions",
    "repeat": "the taught questions again",
}


def demo_page(result: Mapping[str, Any], recall_us: Sequence[float], source: str) -> str:
    """Return the page.

    Parameters
    ----------
    result : mapping
        What `Demo.run` returned.
    recall_us : sequence of float
        Every recall's time in microseconds.
    source : str
        Where the functions come from.
    """
    lead = (
        f"{result['functions']:,} functions of {source} were remembered, docstrings cut out. "
        f"A simulated user asked {result['requests']:,} docstring sentences about "
        f"{result['overlap']['n']:,} of them and pointed to the right function each time. All "
        "below is measured after that, on this machine."
    )
    total = sum(result[key]["n"] for key in PARTS)
    cards = "".join(
        card(signed(result[key]["lift"]), f"{label}: nDCG@10 {result[key]['static']:.3f} → "
             f"{result[key]['learned']:.3f}", verdict(result[key]["ci95"]))
        for key, label in PARTS.items()
    )  # fmt: skip
    cards += card(f"{result['latency_us']['recall_p50']:,.0f} µs", "median recall while learning")
    blocks = [
        section("Learning curve", "New questions about taught functions, as feedback comes in.",
                learning_curve(result["curve"])),
        section("Lift in nDCG@10", "Dots are means, bars 95 % bootstrap intervals.",
                interval_chart("Lift", [(short(label),
                                         result[key]["lift"], result[key]["ci95"])
                                        for key, label in PARTS.items()])),
        section("Static against learned", f"nDCG@10 on {total:,} questions.",
                table(["", "static", "learned", "lift", "95 %"], part_rows(result))),
        section("Recall latency", "End to end, one thread, while learning inline.",
                histogram("Recall latency", recall_us, unit="µs")),
        mechanism_section(result["mechanisms"],
                          "What each one's addends bring to new questions: with all, minus without "
                          "it."),
        section("Poisoning", poison_note(result["poison"]),
                table(["", "attacker in first five", "honest recall@5"],
                      poison_rows(result["poison"]))),
        section("Restart", "Closed, reopened from its file, asked again.",
                table(["reopened in", "questions", "rankings", "state"],
                      [restart_row(result["restart"])])),
    ]  # fmt: skip
    body = f'<div class="cards">{cards}</div><div class="grid">{"".join(blocks)}</div>'
    return page("A memory that learns", lead, body, f"engrain {engrain.__version__}")


def short(label: str) -> str:
    """Return a label that fits beside a chart."""
    return label.removeprefix("new, about ").removeprefix("the ")


def part_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """Return one row per kind of question."""
    return [
        [short(label), f"{part['static']:.3f}", f"{part['learned']:.3f}",
         signed(part["lift"]), interval_text(part["ci95"])]
        for label, part in ((label, result[key]) for key, label in PARTS.items())
    ]  # fmt: skip


def poison_note(poison: Mapping[str, Any]) -> str:
    """Say what the attacker did."""
    return (
        f"An attacker claimed {poison['praises']:,} times, on one in ten requests, that "
        f"{poison['target']} is the answer; measured on questions that it does not answer."
    )


def poison_rows(poison: Mapping[str, Any]) -> list[list[str]]:
    """Return one row per state of the memory."""
    labels = {
        "before": "before",
        "guarded": "under its own name (bounded)",
        "unguarded": "as the owner (no guard)",
    }
    return [
        [label, f"{poison[key]['top5_share']:.1%}", f"{poison[key]['recall5']:.3f}"]
        for key, label in labels.items()
    ]


def restart_row(restart: Mapping[str, Any]) -> list[str]:
    """Return the cells of the restart table."""
    return [
        f"{restart['seconds'] * 1000:,.0f} ms",
        f"{restart['questions']:,}",
        "identical" if restart["identical"] else "different",
        "same hash" if restart["same_state"] else "different hash",
    ]
