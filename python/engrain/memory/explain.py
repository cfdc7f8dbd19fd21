"""A recall taken apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engrain.memory import answering
from engrain.memory.meanings import meaning
from engrain.memory.recall import Hit
from engrain.memory.state import State
from engrain.memory.traces import OpenTrace


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why these memories were shown in this order.

    Attributes
    ----------
    trace_id : str
    text : str
        The request.
    time : float
        Seconds since the epoch.
    hits : tuple of Hit
        As shown; scores and components with the rows of then and the weights of now.
    outcomes : tuple of (float or None), or None
        What feedback said of each hit; None before any.
    weights : dict of str to float
        The ranking weights of now, per unit of component score.
    """

    trace_id: str
    text: str
    time: float
    hits: tuple[Hit, ...]
    outcomes: tuple[float | None, ...] | None
    weights: dict[str, float]

    def __str__(self) -> str:
        told = self.outcomes or (None,) * len(self.hits)
        lines = [f"{self.trace_id}: {self.text!r}"]
        for place, (hit, outcome) in enumerate(zip(self.hits, told, strict=True), 1):
            said = "" if outcome is None else f"  outcome {outcome:.2f}"
            lines.append(f"{place:3d}. {hit.score:8.3f}  {hit.id!r}{said}")
            largest = sorted(hit.components.items(), key=lambda addend: -abs(addend[1]))[:4]
            lines += [f"     {value:+8.3f}  {meaning(name)} ({name})" for name, value in largest]
        return "\n".join(lines)


def explain(state: State, trace: OpenTrace) -> Explanation:
    """Take an open trace apart; memories forgotten since are left out."""
    learner, alive = state.learner, state.catalog.alive(trace.handles)
    rows = trace.rows[alive]
    ranked = answering.Ranked(trace.handles[alive], rows, learner.score(rows))
    told = None
    if trace.outcomes is not None:
        said = np.frombuffer(trace.outcomes, np.float32)[alive].tolist()
        told = tuple(None if outcome != outcome else outcome for outcome in said)
    weights = dict(zip(learner.names, learner.guard.weights.tolist(), strict=True))
    return Explanation(
        trace.id,
        trace.question.text,
        trace.time,
        answering.hits(state, ranked),
        told,
        weights,
    )
