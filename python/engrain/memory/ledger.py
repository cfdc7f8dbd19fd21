"""The lift ledger: what every component was worth on the lists that got feedback.

For each list, before its feedback changes anything, the shown memories are ranked again without
each component, with all evidence off (same weights), and by the learned static-only weights. A lift
is what the full model did better: in log-loss (nats, clipped to +-2), nDCG@10 and reciprocal rank.
In nDCG a shown memory may give way to a runner-up, whose outcome is imputed: what the lower half of
the shown earned, in proportion to the model's softmax (direct method; Dudik, Langford & Li, ICML
2011).
Bounds hold at all times together with probability 1 - alpha, so they may be looked at after every
feedback (Waudby-Smith & Ramdas, JRSS-B 86 (2024) 1-27, theorem 2). Where the mean drifts, they
cover the average of the conditional means, weighted by the bets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import ConfigError
from engrain.kernels.ranking import LedgerState, ledger_sequences, sequence_bounds
from engrain.memory.columns import places

PARTS = ("all", "overlap", "no overlap")
MEASURES = ("log_loss", "ndcg", "reciprocal_rank")
RANGES = (2.0, 1.0, 1.0)  # the largest absolute lift of each measure
ALL_EVIDENCE, STATIC_WEIGHTS = "all evidence", "static weights"


@dataclass(frozen=True, slots=True)
class Lift:
    """One line of the ledger.

    Attributes
    ----------
    component : str
        A column, "all evidence" (off, same weights) or "static weights" (learned without it).
    part : {"all", "overlap", "no overlap"}
        Overlap: a memory that was used here had been rewarded before.
    measure : {"log_loss", "ndcg", "reciprocal_rank"}
    n : int
        Lists seen.
    mean, lower, upper : float
        Mean lift and its always-valid bounds; above 0 the component helps.
    """

    component: str
    part: str
    measure: str
    n: int
    mean: float
    lower: float
    upper: float


class Ledger(LedgerState):
    """Running lifts per component, with bounds.

    Parameters
    ----------
    names : sequence of str
        Columns in the order of the rows.
    kinds : sequence of {"static", "evidence"}
    alpha : float
        Probability that some bound of one line ever fails.
    """

    def __init__(self, names: Sequence[str], kinds: Sequence[str], *, alpha: float = 0.05) -> None:
        if len(names) != len(kinds):
            raise ConfigError(f"kinds: expected one per name, {len(names)}, got {len(kinds)}")
        super().__init__([kind == "evidence" for kind in kinds], alpha)
        self.names = tuple(names)

    def add_column(self, name: str, kind: str) -> None:
        """Append a component; its lines begin empty."""
        known = len(self.names)
        old, new = self.sequences, ledger_sequences(known + 1)
        new[..., :known] = old[..., :known]
        new[..., known + 1 : known + 3] = old[..., known : known + 2]
        self.take_columns([*self.evidence, kind == "evidence"], new)
        self.names = (*self.names, name)

    def update(
        self,
        rows: F32Array,
        outcomes: F32Array,
        weights: F64Array,
        static_weights: F64Array,
        overlap: bool,
        runners: F32Array | None = None,
    ) -> None:
        """Add one list; call it before this feedback changes anything.

        Parameters
        ----------
        rows : ndarray of float32, shape (n, columns)
        outcomes : ndarray of float32, shape (n,)
            In [0, 1]; a list whose outcomes sum to 0 says nothing about ranking and is left out.
        weights, static_weights : ndarray of float64, shape (columns,)
            Of the full model and of the control that learns static weights alone.
        overlap : bool
            Whether a used memory had been rewarded before.
        runners : ndarray of float32, shape (m, columns), optional
            Rows of what would have been shown next.
        """
        self.add(rows, outcomes, weights, static_weights, overlap, runners)

    def lift(self, component: str, part: str = "all", measure: str = "log_loss") -> Lift:
        """Return one line.

        Raises
        ------
        ConfigError
            Unknown component, part or measure.
        """
        lines = (*self.names, ALL_EVIDENCE, STATIC_WEIGHTS)
        if component not in lines or part not in PARTS or measure not in MEASURES:
            raise ConfigError(f"the ledger has no line {component!r}, {part!r}, {measure!r}")
        m = MEASURES.index(measure)
        line = self.sequences[PARTS.index(part), m, :, lines.index(component)]
        sequence = np.ascontiguousarray(line)
        lower, upper = sequence_bounds(sequence, self.alpha)
        n, total = int(sequence[0]), float(sequence[1])
        span = RANGES[m]
        mean = span * (2 * total / n - 1) if n else float("nan")
        return Lift(
            component, part, measure, n, mean, span * (2 * lower - 1), span * (2 * upper - 1)
        )

    def report(self) -> list[Lift]:
        """Return every line, by component, part and measure."""
        return [
            self.lift(component, part, measure)
            for component in (*self.names, ALL_EVIDENCE, STATIC_WEIGHTS)
            for part in PARTS
            for measure in MEASURES
        ]

    def reorder(
        self, state: Mapping[str, np.ndarray[Any, Any]], names: Sequence[str]
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Return the state of a ledger of columns `names` as a state of this one."""
        if tuple(names) == self.names:
            return dict(state)
        sums = (ALL_EVIDENCE, STATIC_WEIGHTS)
        source, target = places((*names, *sums), (*self.names, *sums))
        sequences = ledger_sequences(len(self.names))
        sequences[..., target] = state["sequences"][..., source]
        return {"sequences": sequences, "columns": np.array([len(self.names)], np.int64)}
