"""A memory gets better on real questions: the functions of a code base and their docstrings.

The simulated user asks what `make_plan` chose, and points to the right function each time
(`Memory.judge`). Measured are questions which no one has asked before, about taught functions
(overlap) and about the others (no overlap), and the taught questions again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from engrain.base.clock import SimulatedClock
from engrain.evaluation.attack import attack
from engrain.evaluation.demo_plan import Plan, Request
from engrain.evaluation.intervals import bootstrap_interval
from engrain.evaluation.results import Studied, latencies, mean, own_lifts, study
from engrain.evaluation.subject import FIRST_DAY, SHOWN, Stopwatch
from engrain.memory import Memory

Progress: TypeAlias = Callable[[str, int, int], None]
CHECKPOINTS = 5  # of the learning curve, each after a refit
PROBE = 250
AGAIN = 1000


@dataclass(slots=True)
class Demo:
    """One run.

    Parameters
    ----------
    plan : Plan
    path : Path
        File of the memory; replaced.
    progress : callable
        Called with a label, the steps done and their number.
    """

    plan: Plan
    path: Path
    progress: Progress
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    curve: list[dict[str, float]] = field(default_factory=list)
    names: tuple[str, ...] = ()

    def run(self) -> dict[str, Any]:
        """Fill, teach, measure, restart and attack a memory; return all figures."""
        start = perf_counter()
        remove(self.path)
        with Memory(self.path, clock=SimulatedClock(FIRST_DAY)) as memory:
            self._remember(memory)
            self._teach(memory)
            memory.flush()
            # Copies are attacked on the other core meanwhile.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as aside:
                attacked = aside.submit(attack, self.plan, self.path)
                measured = self._measure(memory)
            asked = [request.text for request in self.plan.overlap[:200]]
            before = rankings(memory, asked), memory.state_hash
        result = {
            "functions": len(self.plan.functions),
            "requests": len(self.plan.taught),
            **measured,
            "curve": self.curve,
            "latency_us": latencies(self.stopwatch),
            "restart": self._restart(asked, *before),
            "poison": attacked.result(),
        }
        result["seconds"] = perf_counter() - start
        return result

    def _remember(self, memory: Memory) -> None:
        total = len(self.plan.functions)
        for first in range(0, total, 500):
            part = self.plan.functions[first : first + 500]
            memory.remember_many([
                {"text": f.text, "id": f.name, "sequence": f.path,
                 "metadata": {"path": f.path, "line": f.line}}
                for f in part
            ])  # fmt: skip
            self.progress("remembering functions", min(first + 500, total), total)

    def _teach(self, memory: Memory) -> None:
        total = len(self.plan.taught)
        marks = checkpoints(total)
        self._probe(memory, 0)
        for done, request in enumerate(self.plan.taught, 1):
            correct(memory, request, self.stopwatch)
            if done in marks:
                memory.refit()
                self._probe(memory, done)
            if done % 50 == 0 or done == total:
                p50 = self.stopwatch.percentile("recall", 50)
                self.progress(f"learning inline: recall p50 {p50:,.0f} µs", done, total)

    def _probe(self, memory: Memory, requests: int) -> None:
        found = list(self._study(memory, self.plan.overlap[:PROBE], overlap=True))
        self.curve.append(
            {
                "requests": requests,
                "static": float(np.mean([s.static.ndcg10 for s in found])),
                "learned": float(np.mean([s.learned.ndcg10 for s in found])),
            }
        )

    def _study(
        self, memory: Memory, requests: Sequence[Request], *, overlap: bool
    ) -> Iterator[Studied]:
        for place, request in enumerate(requests):
            candidates = memory.candidates(request.text)
            self.names = candidates.names
            relevant = frozenset([request.function])
            columns = range(len(candidates.names))
            yield study(place, None, relevant, candidates, overlap=overlap, columns=columns)

    def _measure(self, memory: Memory) -> dict[str, Any]:
        parts = {
            "overlap": self.plan.overlap,
            "no_overlap": self.plan.no_overlap,
            "repeat": self.plan.taught[:AGAIN],
        }
        total, done = sum(map(len, parts.values())), 0
        studied: dict[str, list[Studied]] = {}
        for name, requests in parts.items():
            studied[name] = []
            for found in self._study(memory, requests, overlap=name != "no_overlap"):
                studied[name].append(found)
                done += 1
                self.progress("measuring", done, total)
        fresh = [*studied["overlap"], *studied["no_overlap"]]
        return {
            **{name: compare(found) for name, found in studied.items()},
            "mechanisms": own_lifts(
                np.array([s.learned.ndcg10 for s in fresh]),
                np.array([s.without for s in fresh]),
                self.names,
            ),
        }

    def _restart(
        self, asked: Sequence[str], ranked: list[list[tuple[Any, float]]], digest: str
    ) -> dict[str, Any]:
        start = perf_counter()
        with Memory(self.path, clock=SimulatedClock(FIRST_DAY)) as memory:
            seconds = perf_counter() - start
            return {
                "seconds": seconds,
                "questions": len(asked),
                "identical": rankings(memory, asked) == ranked,
                "same_state": memory.state_hash == digest,
            }


def correct(memory: Memory, request: Request, stopwatch: Stopwatch) -> None:
    """Ask, look at the answer, and point to the right function, whether it was shown or not."""
    stopwatch.time("recall", memory.recall, request.text, SHOWN)
    stopwatch.time("feedback", memory.judge, request.text, {request.function: 1.0})


def checkpoints(total: int) -> set[int]:
    """Return after how many requests the learning curve is measured."""
    return {max(1, round(total * k / CHECKPOINTS)) for k in range(1, CHECKPOINTS + 1)}


def rankings(memory: Memory, texts: Sequence[str]) -> list[list[tuple[Any, float]]]:
    """Return ids and scores of the first ten for each text, leaving no trace."""
    return [[(h.id, h.score) for h in memory.recall(t, SHOWN, log=False).hits] for t in texts]


def compare(studied: Sequence[Studied]) -> dict[str, Any]:
    """Return static and learned nDCG@10 and the lift with its interval."""
    static = np.array([s.static.ndcg10 for s in studied])
    learned = np.array([s.learned.ndcg10 for s in studied])
    return {
        "n": len(studied),
        "static": mean(static),
        "learned": mean(learned),
        "lift": mean(learned - static),
        "ci95": bootstrap_interval(learned - static),
    }


def remove(path: Path) -> None:
    """Delete a memory's file and what SQLite keeps beside it."""
    for beside in (path, *path.parent.glob(f"{path.name}-*")):
        beside.unlink(missing_ok=True)
