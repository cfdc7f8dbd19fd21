"""What learning withstands: wrong, vague, biased and late feedback, change, and attackers.

``python -m engrain.evaluation.robustness FOLDER --write PAGE`` runs streams of questions on the
data sets below FOLDER and writes one page of tables. Each run is kept as JSON under ``--runs`` and
is not repeated while it is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engrain.evaluation.datasets import load_dataset
from engrain.evaluation.options import LEAVE_OUT, Options
from engrain.evaluation.protocols import evaluate
from engrain.evaluation.runs import kept, page_arguments, pick, publish

SETS = ("mem_locomo_dev", "ret_cranfield", "reuse_clinc150")
PASS = Options(protocol="prequential", prior=LEAVE_OUT, exclude_adversarial=True)
AGAIN = replace(PASS, protocol="repeat")
ATTACK = replace(PASS, poison=0.1, mechanisms=("e:near", "patterns", "gate"))
RUNS: Mapping[str, Options] = {
    "perfect": PASS,
    "flipped": replace(PASS, flip=0.4),
    "noisy": replace(PASS, clicks="noisy"),
    "position": replace(PASS, clicks="position"),
    "seldom": replace(PASS, clicks="seldom"),
    "joint": replace(PASS, clicks="joint"),
    "again": AGAIN,
    "late": replace(AGAIN, delay=50),
    "drift": replace(PASS, drift=True),
    "explored": replace(PASS, clicks="noisy", explore=0.2),
    "praised": ATTACK,
    "praised by 1,000": replace(ATTACK, principals=1000),
    "brought": replace(ATTACK, inject=True),
    "brought, by 1,000": replace(ATTACK, inject=True, principals=1000),
    "unguarded": replace(ATTACK, principals=0),
}

Reports = dict[tuple[str, str], list[dict[str, Any]]]


def measure(
    folder: Path,
    runs: Path,
    sets: Sequence[str],
    seeds: Sequence[int],
    kinds: Sequence[str] = tuple(RUNS),
) -> Reports:
    """Run what is not there yet, and return the reports of each data set and run, by seed."""
    runs.mkdir(parents=True, exist_ok=True)
    reports: Reports = {}
    for name in sets:
        dataset = load_dataset(folder / name)
        for kind in kinds:
            for seed in seeds:
                path = runs / f"{name}-{kind}-{seed}.json"
                options = replace(RUNS[kind], seed=seed)
                found = kept(
                    path, f"{name} {kind} seed {seed}", partial(evaluate, dataset, options)
                )
                reports.setdefault((name, kind), []).append(found)
    return reports


class Figures:
    """Means over seeds."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self.sets = tuple(dict.fromkeys(name for name, _ in reports))

    def label(self, name: str, kind: str) -> str:
        """Return a data set's name, with how many seeds it was run for where others had more."""
        ran, most = len(self._reports[name, kind]), max(map(len, self._reports.values()))
        return name if ran == most else f"{name}, {ran} of {most} seeds"

    def was_run(self, name: str, kind: str) -> bool:
        """Tell whether there are figures of a run."""
        return (name, kind) in self._reports

    def mean(self, name: str, kind: str, key: str) -> float:
        """Return the mean of a figure."""
        return float(np.mean([pick(report, key) for report in self._reports[name, kind]]))

    def lift(self, name: str, kind: str, key: str) -> str:
        """Return the mean of a lift with the mean bounds of its interval."""
        bounds = []
        for report in self._reports[name, kind]:
            holder: Any = report
            for step in key.split("."):
                holder = holder[step]
            if holder["ci95"] is None:
                return "–"
            bounds.append((holder.get("lift", holder.get("ndcg10")), *holder["ci95"]))
        value, low, high = np.mean(bounds, axis=0)
        return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"

    def rows(self, columns: Mapping[str, tuple[str, str]]) -> list[str]:
        """Return a table of lifts: by column a run and a key of its report."""
        lines = [f"| data set | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        for name in self.sets:
            if not all(self.was_run(name, kind) for kind, _ in columns.values()):
                continue
            cells = [self.lift(name, kind, key) for kind, key in columns.values()]
            first, _ = next(iter(columns.values()))
            lines.append(f"| {self.label(name, first)} | {' | '.join(cells)} |")
        return [*lines, ""]


FEEDBACK = {
    "perfect": ("perfect", "lift"),
    "40 % praise one shown at random": ("flipped", "lift"),
    "noisy": ("noisy", "lift"),
    "noisy, seen with 1 / rank": ("position", "lift"),
    "as seldom seen at any rank": ("seldom", "lift"),
    "one reward for all shown": ("joint", "lift"),
}
LATE = {"at once": ("again", "lift"), "50 requests late": ("late", "lift")}
CHANGE = {
    "in the first 50 feedbacks": ("drift", "drift.within_50"),
    "later": ("drift", "drift.later"),
}
EXPLORED = {"without": ("noisy", "over_prior"), "with": ("explored", "over_prior")}


def attacks(figures: Figures) -> list[str]:
    """Return the table of the attacks."""
    lines = [
        "| data set | memory | first fives, no praise | praise | recall@5, no praise | praise |",
        "|---|---|---|---|---|---|",
    ]
    for name in figures.sets:
        for kind in RUNS:
            if RUNS[kind].poison and figures.was_run(name, kind):
                keys = ("top5_share_clean", "top5_share", "recall5_clean", "recall5")
                cells = [figures.mean(name, kind, f"poison.{key}") for key in keys]
                shares = " | ".join(f"{100 * cell:.2f} %" for cell in cells)
                lines.append(f"| {figures.label(name, kind)} | {kind} | {shares} |")
    return [*lines, ""]


def page(reports: Reports, seeds: Sequence[int]) -> str:
    """Return the page as Markdown."""
    figures = Figures(reports)
    lines = [
        "# What it withstands",
        "",
        "`python -m engrain.evaluation.robustness FOLDER --write docs/robustness.md` wrote this",
        f"page; each run is one of `engrain eval`. Means over seeds {', '.join(map(str, seeds))},",
        "95 % bootstrap intervals over questions, nDCG@10. Feedback is simulated from the",
        "judgments and speaks of the ten shown; the prior was fitted without the data set, or",
        "without the conversation that is asked. A data set stands where it was run.",
        "",
        "## Feedback that is wrong, vague or biased",
        "",
        "Lift over BM25 + cosine in the second half of one pass.",
        "",
        *figures.rows(FEEDBACK),
        "Seen with 1 / rank, fewer are clicked: what the bias costs is what is missing beside the",
        "column after it.",
        "",
        "One reward for all shown does not tell which of them was right, and among ten one is",
        "right nearly always. What each is expected to have earned is its evidence; evidence is",
        "weighed by how well it foretells that by itself. Static weights stay where they are.",
        "",
        "## Feedback that comes late",
        "",
        "Lift over BM25 + cosine in a second pass over the same questions.",
        "",
        *figures.rows(LATE),
        "## Change",
        "",
        "Half-way, what was right is wrong and other documents are right: learned over prior. The",
        "first 50 feedbacks hold the fall itself.",
        "",
        *figures.rows(CHANGE),
        "## Attackers",
        "",
        "After a tenth of all requests an attacker asks the honest question with its memory's own",
        "words behind it, and says that this memory alone helped. The memory was there (*praised*)",
        "or was brought, made of the words of three honest questions; by one name, by 1,000 fresh",
        "ones, or *unguarded* as the owner of the memory. Its places among the first five are",
        "counted on later questions that it does not answer and that it does not repeat. The",
        "components `patterns` and `gate` hang in.",
        "",
        *attacks(figures),
        "## Exploration",
        "",
        "`Memory(explore=0.2)`: noisy clicks, learned over prior in the second half.",
        "",
        *figures.rows(EXPLORED),
    ]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and write the page."""
    parser = page_arguments("robustness", __doc__, SETS)
    parser.add_argument("--kinds", nargs="+", default=tuple(RUNS), choices=tuple(RUNS))
    given = parser.parse_args(arguments)
    reports = measure(given.folder, given.runs, given.sets, given.seeds, given.kinds)
    publish(page(reports, given.seeds), given.write)


if __name__ == "__main__":
    main()
