"""What learning is worth, on every data set and under every control: the page docs/lift.md.

``python -m engrain.evaluation.lift FOLDER --write PAGE`` runs the protocols on the data sets below
FOLDER and writes one page of tables. Each run is kept as JSON under ``--runs`` and is not repeated
while it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from engrain.evaluation.datasets import Dataset, load_dataset
from engrain.evaluation.options import LEAVE_OUT, Options
from engrain.evaluation.protocols import evaluate
from engrain.evaluation.runs import kept, page_arguments, pick, publish

SETS = (
    "mem_locomo_dev",
    "ret_cranfield",
    "ret_cisi",
    "ret_nfcorpus",
    "ret_xquad_en",
    "reuse_clinc150",
)
START = Options(prior=LEAVE_OUT, exclude_adversarial=True)
RUNS: Mapping[str, Options] = {
    "static": START,
    "bare": START,
    "judged": replace(START, protocol="kfold", trees=True),
    "shown": replace(START, protocol="kfold", teach="shown"),
    "clicks": replace(START, protocol="prequential", clicks="noisy"),
    "repeats": replace(START, protocol="repeat", clicks="noisy"),
}
BARE = ("mem_locomo_dev",)  # asked once more with the embedder that needs no download
LEAST_LIFT = 0.0005  # mechanisms that bring less on every data set share one line

Reports = dict[tuple[str, str, int], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run.

    Attributes
    ----------
    folder : Path
        Holds one folder per data set.
    runs : Path
        Where finished runs lie.
    sets, protocols : tuple of str
    seeds : tuple of int
    finished : bool
        Take what has been run already, and run nothing.
    """

    folder: Path
    runs: Path
    sets: tuple[str, ...]
    protocols: tuple[str, ...]
    seeds: tuple[int, ...]
    finished: bool = False

    def cells(self) -> Iterator[tuple[str, str, int]]:
        """Yield data set, protocol and seed of every run."""
        for name in self.sets:
            for protocol in self.protocols:
                if protocol == "bare" and name not in BARE:
                    continue
                seeds = self.seeds if protocol not in ("static", "bare") else self.seeds[:1]
                for seed in seeds:
                    yield name, protocol, seed


def measure(plan: Plan) -> Reports:
    """Run what is not there yet, and return every report."""
    reports: Reports = {}
    plan.runs.mkdir(parents=True, exist_ok=True)
    load = cache(load_dataset)
    for name, protocol, seed in plan.cells():
        path = plan.runs / f"{name}-{protocol}-{seed}.json"
        if plan.finished and not path.exists():
            continue
        reports[name, protocol, seed] = kept(
            path,
            f"{name} {protocol} seed {seed}",
            partial(run, partial(load, plan.folder / name), protocol, seed),
        )
    return reports


def run(load: Callable[[], Dataset], protocol: str, seed: int) -> dict[str, Any]:
    """Run a protocol once."""
    dataset = load()
    if protocol == "bare":
        dataset = replace(dataset, document_vectors=None, question_vectors=None)
    return evaluate(dataset, replace(RUNS[protocol], seed=seed))


class Table:
    """Figures of the runs of one protocol: means over seeds."""

    def __init__(self, reports: Reports, protocol: str) -> None:
        self.protocol = protocol
        self._found: dict[str, list[dict[str, Any]]] = {}
        for (name, kind, _), report in reports.items():
            if kind == protocol:
                self._found.setdefault(name, []).append(report)

    @property
    def sets(self) -> list[str]:
        """Data sets that were run."""
        return list(self._found)

    def mean(self, name: str, key: str) -> float:
        """Return the mean over seeds."""
        return float(np.mean([pick(report, key) for report in self._found[name]]))

    def interval(self, name: str, key: str) -> str:
        """Return the mean over seeds of the bounds of a 95 % interval."""
        bounds = []
        for report in self._found[name]:
            part, _, last = key.rpartition(".")
            holder: Any = report
            for step in part.split(".") if part else []:
                holder = holder.get(step, {})
            found = holder.get(last)
            if found is None:
                return ""
            bounds.append(found)
        low, high = np.mean(bounds, axis=0)
        return f" [{low:+.3f}, {high:+.3f}]"

    def markdown(self, columns: Mapping[str, str]) -> list[str]:
        """Return a table; a key with | also names an interval."""
        if not self._found:
            return ["Not run.", ""]
        lines = ["| data set | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for name in self._found:
            cells = [self._cell(name, key) for key in columns.values()]
            lines.append(f"| {name}{self._runs(name)} | " + " | ".join(cells) + " |")
        return [*lines, ""]

    def _runs(self, name: str) -> str:
        """Return how many runs a row is the mean of, where others have more."""
        runs = len(self._found[name])
        most = max(len(reports) for reports in self._found.values())
        return "" if runs == most else f", {runs} of {most} seeds"

    def _cell(self, name: str, key: str) -> str:
        key, _, interval = key.partition("|")
        value = self.mean(name, key)
        if np.isnan(value):
            return "–"
        return f"{value:+.3f}{self.interval(name, interval)}" if interval else f"{value:.4f}"

    def categories(self) -> list[str]:
        """Return recall@5 of every kind of question of the data sets that have kinds."""
        keys = ("static", "prior", "static_weights", "learned")
        lines = [
            "| data set, kind | base | prior | static weights | learned | over prior |",
            "|---|---|---|---|---|---|",
        ]
        for name, reports in self._found.items():
            for category in reports[0].get("categories", ()):
                own = f"categories.{category}"
                cells = [f"{self.mean(name, f'{own}.{key}'):.3f}" for key in keys]
                cells.append(self._cell(name, f"{own}.over_prior.lift|{own}.over_prior.ci95"))
                lines.append(f"| {name}, {category} | " + " | ".join(cells) + " |")
        return [*lines, ""]

    def mechanisms(self) -> dict[str, dict[str, str]]:
        """Return by mechanism what its addends bring on each data set, with the interval."""
        found: dict[str, dict[str, str]] = {}
        for name, reports in self._found.items():
            for mechanism in reports[0]["mechanisms"]:
                key = f"mechanisms.{mechanism}"
                if abs(value := self.mean(name, f"{key}.lift")) >= LEAST_LIFT:
                    line = f"{value:+.4f}{self.interval(name, f'{key}.ci95')}"
                    found.setdefault(mechanism, {})[name] = line
                else:
                    found.setdefault(mechanism, {})
        return found


PRIOR = {
    "base": "static.ndcg10",
    "fixed mix": "fixed.ndcg10",
    "prior": "prior.ndcg10",
    "prior over base": "prior_lift.lift|prior_lift.ci95",
    "by conversations": "prior_lift.lift|prior_lift.ci95_clustered",
    "base recall@5": "static.recall5",
    "prior recall@5": "prior.recall5",
}
LEARNED = {
    "base": "static.ndcg10",
    "fixed mix": "fixed.ndcg10",
    "prior": "prior.ndcg10",
    "trees": "trees.ndcg10",
    "learned": "learned.ndcg10",
    "over base": "lift.ndcg10|lift.ci95",
    "over prior": "over_prior.lift|over_prior.ci95",
    "evidence over learned static": "evidence.lift|evidence.ci95",
    "of it without overlap": "evidence.no_overlap|evidence.ci95_no_overlap",
}

REPEATED = LEARNED | {
    "exact-question cache": "cache.ndcg10",
    "over the cache": "over_cache.lift|over_cache.ci95",
}


def page(reports: Reports, seeds: Sequence[int]) -> str:
    """Return the page as Markdown."""
    tables = {protocol: Table(reports, protocol) for protocol in RUNS}
    missing = [name for name in SETS if not any(cell[0] == name for cell in reports)]
    lines = [
        "# Lift",
        "",
        "`make lift` wrote this page. Every figure is nDCG@10 unless it says otherwise, with 95 %",
        f"bootstrap intervals over questions, means over seeds {', '.join(map(str, seeds))}.",
        "Feedback is simulated from the judgments. The prior was fitted without the data set or,",
        "for conversations, without the conversation that is asked (`--prior leave-out`).",
        f"Not run: {', '.join(missing) or 'nothing'}; a data set stands where it was run.",
        "",
        "## No model, no key, no feedback",
        "",
        *tables["static"].markdown(PRIOR),
        "With the embedder that needs no download:",
        "",
        *tables["bare"].markdown(PRIOR),
        "## Full judgments of four folds, asked on the fifth",
        "",
        "Trees are LambdaMART on the same static columns; where lightgbm is not installed, none.",
        "",
        *tables["judged"].markdown(LEARNED),
        "Recall@5 by kind of question; LoCoMo's are multi-hop (1), time (2), open (3), single (4).",
        "",
        *tables["judged"].categories(),
        "## Outcomes of the ten shown, same folds",
        "",
        *tables["shown"].markdown(LEARNED),
        "## One pass of noisy clicks (70 % of the relevant shown, 5 % of others), second half",
        "",
        *tables["clicks"].markdown(LEARNED),
        "## The same questions again, after one pass of noisy clicks",
        "",
        *tables["repeats"].markdown(REPEATED),
        "## What each mechanism brings",
        "",
        "With all, minus without it, after full judgments; what is below .0005 is left out.",
        "",
        *mechanism_lines(tables["judged"]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def mechanism_lines(table: Table) -> list[str]:
    """Return the table of mechanisms, and the names of those that bring nothing anywhere."""
    found = table.mechanisms()
    lines = [
        "| mechanism | " + " | ".join(table.sets) + " |",
        "|---" * (len(table.sets) + 1) + "|",
    ]
    for mechanism, by_set in found.items():
        if by_set:
            cells = [by_set.get(name, "") for name in table.sets]
            lines.append(f"| {mechanism} | " + " | ".join(cells) + " |")
    idle = [mechanism for mechanism, by_set in found.items() if not by_set]
    return [*lines, "", f"Nothing on any of them: {', '.join(idle) or 'none'}."]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and write the page."""
    parser = page_arguments("lift", __doc__, SETS)
    parser.add_argument("--protocols", nargs="+", default=tuple(RUNS), choices=tuple(RUNS))
    parser.add_argument("--finished", action="store_true", help="a page of finished runs alone")
    given = parser.parse_args(arguments)
    plan = Plan(
        given.folder,
        given.runs,
        tuple(given.sets),
        tuple(given.protocols),
        tuple(given.seeds),
        given.finished,
    )
    publish(page(measure(plan), plan.seeds), given.write)


if __name__ == "__main__":
    main()
