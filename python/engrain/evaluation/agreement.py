"""Whether a memory's own ledger tells what an ablation from outside finds, mechanism by mechanism.

One stream of questions answered by a simulated user. From outside: nDCG@10 of every question, with
all mechanisms minus without one. Live: what the ledger makes of the shown lists that got feedback,
and of what would have been shown next.

Usage: ``python -m engrain.evaluation.agreement FOLDER [--clicks noisy] [--seed S]``
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engrain.evaluation.clicks import CLICKS
from engrain.evaluation.datasets import Dataset, load_dataset
from engrain.evaluation.options import LEAVE_OUT, Options
from engrain.evaluation.protocols import run_all
from engrain.evaluation.results import own_lifts
from engrain.memory.ledger import Lift


@dataclass(frozen=True, slots=True)
class Line:
    """One mechanism, from outside and live.

    Attributes
    ----------
    name : str
    offline : float
        Mean lift in nDCG@10 over all questions.
    interval : tuple of float
        Its 95 % bootstrap interval.
    live : float
        Mean lift in nDCG@10 of the shown lists, by the ledgers.
    n : int
        Lists in the ledgers.
    """

    name: str
    offline: float
    interval: tuple[float, float]
    live: float
    n: int

    @property
    def decided(self) -> bool:
        """Whether the interval excludes 0."""
        return self.interval[0] > 0 or self.interval[1] < 0

    @property
    def agrees(self) -> bool:
        """Whether both have one sign."""
        return self.offline * self.live > 0


def compare(dataset: Dataset, options: Options) -> list[Line]:
    """Run a stream and return each mechanism's lift from outside and live."""
    run = run_all(dataset, options)
    live = pooled(run.ledger)
    without = np.array([studied.without for studied in run.studied])
    full = np.array([studied.learned.ndcg10 for studied in run.studied])
    found = own_lifts(full, without, run.names)
    return [
        Line(name, own["lift"], own["ci95"], *live[name])
        for name, own in found.items()
        if own["ci95"] is not None
    ]


def pooled(ledger: Sequence[Lift]) -> dict[str, tuple[float, int]]:
    """Return mean and number of lists of each component over several ledgers."""
    sums: dict[str, tuple[float, int]] = {}
    for line in ledger:
        if line.part == "all" and line.measure == "ndcg" and line.n:
            total, n = sums.get(line.component, (0.0, 0))
            sums[line.component] = total + line.n * line.mean, n + line.n
    return {name: (total / n, n) for name, (total, n) in sums.items()}


def table(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a table of the mechanisms whose interval excludes 0, and how many agree."""
    decided = [line for line in lines if line.decided]
    yield f"{'mechanism':14} {'offline':>8} {'95 % interval':>20} {'live':>8} {'lists':>6}"
    for line in sorted(decided, key=lambda line: -line.offline):
        low, high = line.interval
        yield (
            f"{line.name:14} {line.offline:+8.4f} {f'[{low:+.4f}, {high:+.4f}]':>20} "
            f"{line.live:+8.4f} {line.n:6d} {'' if line.agrees else ' other sign'}"
        )
    yield f"{sum(line.agrees for line in decided)} of {len(decided)} agree"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of one data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--clicks", default="perfect", choices=CLICKS)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    options = Options(
        protocol="prequential",
        prior=LEAVE_OUT,
        exclude_adversarial=True,
        clicks=given.clicks,
        seed=given.seed,
    )
    print("\n".join(table(compare(load_dataset(given.folder), options))))


if __name__ == "__main__":
    main()
