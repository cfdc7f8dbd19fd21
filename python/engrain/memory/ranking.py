"""The one convex ranking model: a weight per component, learned from judged lists.

The score of a candidate is w.x. A judged list with targets t (its outcomes over their sum) costs
-sum_d t_d log softmax(w.x)_d; weights are shrunk to a prior. `step` learns inline from one list,
`fit` (see `engrain.memory.fit`) from all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array, I64Array
from engrain.base.errors import ConfigError, ShapeError
from engrain.kernels.ranking import add_moments, laplace_step, weigh_rows
from engrain.memory.fit import FitReport, fit_map

WARM_UP = 20  # traces before deviations are fixed
SMALLEST_SCALE = 0.02
CLIP = 0.3  # a step moves no two scores apart by more
START = 0.5  # of the base, until something is learned
BASE_LOOSENESS = 0.98  # how much less the base direction is shrunk: it is only a temperature


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did.

    Attributes
    ----------
    learned : bool
        False where the outcomes sum to 0 or the deviations are still being measured.
    loss : float
        Log-loss of the list in nats before the step; NaN where nothing was learned.
    moved : float
        Largest change of a score difference.
    """

    learned: bool
    loss: float = float("nan")
    moved: float = 0.0


class RankingModel:
    """Weights over named columns, learned by clipped Laplace steps and refitted by MAP.

    Parameters
    ----------
    names : sequence of str
        Columns in the order of the rows.
    kinds : sequence of {"static", "evidence"}
    signs : sequence of {-1, 0, 1}
        +1 keeps a weight at least 0, -1 at most 0.
    base : mapping of str to float
        The prior, in original units; columns not named are 0.
    lam : float
        Prior precision in scaled units.
    evidence : bool
        False pins evidence weights at 0: the control that learns static weights alone.
    """

    def __init__(
        self,
        names: Sequence[str],
        kinds: Sequence[str],
        signs: Sequence[int],
        *,
        base: Mapping[str, float],
        lam: float = 100.0,
        evidence: bool = True,
    ) -> None:
        if not len(names) == len(kinds) == len(signs) or len(set(names)) != len(names):
            raise ConfigError("names, kinds and signs: expected one of each per distinct column")
        if unknown := sorted(set(base) - set(names)):
            raise ConfigError(f"base: no such columns: {', '.join(unknown)}")
        if not any(base.values()) or not lam > 0:
            raise ConfigError(f"base must not be all 0 and lam must be above 0, got lam {lam}")
        self.names: tuple[str, ...] = ()
        self.kinds: tuple[str, ...] = ()
        self.lam, self.evidence = float(lam), evidence
        self.signs = np.empty(0, dtype=np.int8)
        self.available = np.empty(0, dtype=np.bool_)
        self.base, self.weights, self.scales = np.empty(0), np.empty(0), np.empty(0)
        self.precision = np.empty((0, 0))
        self._moments = np.empty((3, 0))
        self._seen = np.empty(0, dtype=np.int64)  # traces; a column is settled from WARM_UP on
        self._waiting: list[tuple[F32Array, F32Array, float]] = []
        for name, kind, sign in zip(names, kinds, signs, strict=True):
            self.add_column(name, kind, sign, base=float(base.get(name, 0.0)))

    def __len__(self) -> int:
        return len(self.names)

    def add_column(self, name: str, kind: str, sign: int, *, base: float = 0.0) -> None:
        """Append a column; it learns once 20 traces have fixed its deviation.

        Raises
        ------
        ConfigError
            The name is taken, or kind or sign is none of the allowed ones.
        """
        if name in self.names:
            raise ConfigError(f"column {name!r} is there already")
        if kind not in ("static", "evidence") or sign not in (-1, 0, 1):
            raise ConfigError(
                f"column {name!r}: expected kind static or evidence and sign -1, 0 or 1, "
                f"got {kind!r} and {sign}"
            )
        weight = START * base if kind == "static" or self.evidence else 0.0
        self.names, self.kinds = (*self.names, name), (*self.kinds, kind)
        self.signs = np.append(self.signs, np.int8(sign))
        self.available = np.append(self.available, True)
        self.base, self.weights = np.append(self.base, base), np.append(self.weights, weight)
        self.scales = np.append(self.scales, 1.0)
        self.precision = np.pad(self.precision, (0, 1))
        self.precision[-1, -1] = self.lam
        self._moments = np.pad(self._moments, ((0, 0), (0, 1)))
        self._seen = np.append(self._seen, 0)
        self._waiting = [(np.pad(x, ((0, 0), (0, 1))), y, i) for x, y, i in self._waiting]

    def set_available(self, name: str, available: bool) -> None:
        """Freeze the weight of a component that is missing, or let it learn again."""
        self.available[self.names.index(name)] = available

    @property
    def warm(self) -> bool:
        """Whether deviations are known and steps learn."""
        return not self._waiting and bool((self._seen >= WARM_UP).any())

    @property
    def evidence_mask(self) -> BoolArray:
        """Which columns are evidence, shape (columns,)."""
        return np.array([kind == "evidence" for kind in self.kinds])

    @property
    def learnable(self) -> BoolArray:
        """Which weights may change, shape (columns,)."""
        return self.available if self.evidence else self.available & ~self.evidence_mask

    def score(self, rows: F32Array) -> F32Array:
        """Return w.x per row, shape (n,); rows are float32 of shape (n, columns)."""
        return weigh_rows(rows, self.weights)

    def contributions(self, rows: F32Array) -> F64Array:
        """Return every addend of the scores, shape (n, columns)."""
        return rows * self.weights

    def step(
        self, rows: F32Array, outcomes: F32Array, *, omega: float = 0.0, lam: float = 100.0
    ) -> StepReport:
        """Learn from one judged list by a clipped Laplace step.

        Parameters
        ----------
        rows : ndarray of float32, shape (n, columns)
            As they were when the list was shown.
        outcomes : ndarray of float32, shape (n,)
            In [0, 1]; a list whose outcomes sum to 0 teaches nothing.
        omega : float
            The list's information counts 1 + omega times; above 0 for full judgments of memories
            that had never been rewarded, 0 for clicks.
        lam : float
            Trust in the teacher: the precision of a prior over lists of this kind alone. Against
            the model's own `lam` the list counts ``self.lam / lam`` times.

        Raises
        ------
        ShapeError, ValueError, TypeError
            Rows of other shape or dtype, outcomes outside [0, 1]; nothing has changed then.

        References
        ----------
        Laplace's approximation with the curvature of the softmax, one step per observation:
        Spiegelhalter & Lauritzen, Networks 20 (1990) 579-605.
        """
        if rows.shape != (len(outcomes), len(self)):
            raise ShapeError(f"rows: expected {(len(outcomes), len(self))}, got {rows.shape}")
        if not (np.isfinite(rows).all() and (outcomes >= 0).all() and (outcomes <= 1).all()):
            raise ValueError("rows must be finite and outcomes in [0, 1]")
        if not outcomes.any():
            return StepReport(learned=False)
        information = (1.0 + omega) * self.lam / lam
        unsettled = self._seen < WARM_UP
        if not unsettled.any():
            return self._learn(rows, outcomes, information)
        add_moments(rows, self._moments)
        self._seen[unsettled] += 1
        if unsettled.all():
            self._waiting.append((rows.copy(), outcomes.copy(), information))
        self._settle(np.flatnonzero(unsettled & (self._seen >= WARM_UP)))
        if self._waiting and (self._seen >= WARM_UP).any():
            waiting, self._waiting = self._waiting, []
            return [self._learn(*trace) for trace in waiting][-1]
        if self._waiting:
            return StepReport(learned=False)
        return self._learn(rows, outcomes, information)

    def _learn(self, rows: F32Array, outcomes: F32Array, information: float) -> StepReport:
        active = (self.learnable & (self._seen >= WARM_UP)).astype(np.uint8)
        loss, moved = laplace_step(
            rows,
            outcomes,
            information,
            CLIP,
            active,
            self.signs,
            self.scales,
            self.weights,
            self.precision,
        )
        return StepReport(True, loss, moved)

    def _settle(self, columns: I64Array) -> None:
        """Fix the deviations of columns and their prior precision."""
        if not len(columns):
            return
        count, total, squares = self._moments[:, columns]
        variance = np.maximum(0.0, squares / count - (total / count) ** 2)
        self.scales[columns] = np.maximum(SMALLEST_SCALE, np.sqrt(variance))
        direction = np.zeros(len(self))
        direction[columns] = self.base[columns] * self.scales[columns]
        self.precision[columns, :] = self.precision[:, columns] = 0.0
        self.precision[columns, columns] = self.lam
        if norm := math.sqrt(math.fsum((direction**2).tolist())):
            direction /= norm
            self.precision -= BASE_LOOSENESS * self.lam * np.outer(direction, direction)

    def fit(
        self,
        rows: F32Array,
        targets: F32Array,
        offsets: I64Array,
        *,
        value: F64Array,
        lam: float | F64Array,
    ) -> FitReport:
        """Return the MAP weights of stored lists; nothing changes until `set_weights`.

        Parameters
        ----------
        rows : ndarray of float32, shape (N, columns)
            All lists, one after another.
        targets : ndarray of float32, shape (N,)
            Outcomes; normalised per list, lists that sum to 0 are left out.
        offsets : ndarray of int64, shape (lists + 1,)
            List q is ``rows[offsets[q]:offsets[q + 1]]``.
        value : ndarray of float64, shape (lists,)
            How much each list counts; only ratios matter.
        lam : float or ndarray of float64, shape (lists,)
            Prior precision, per list where teachers differ in trust.

        See Also
        --------
        engrain.memory.fit.fit_map : the objective.
        """
        return fit_map(
            rows,
            targets,
            offsets,
            value=value,
            lam=np.broadcast_to(np.asarray(lam, dtype=np.float64), (len(offsets) - 1,)),
            base=self.base,
            signs=self.signs,
            free=self.learnable,
            fixed=self.weights,
            precision_unit=self.lam,
        )

    def set_weights(
        self,
        weights: F64Array,
        scales: F64Array | None = None,
        precision: F64Array | None = None,
    ) -> None:
        """Take over the result of a fit; with scales and precision, steps go on from there.

        Raises
        ------
        ShapeError
            Not one weight per column.
        """
        if np.shape(weights) != (len(self),):
            raise ShapeError(f"weights: expected shape {(len(self),)}, got {np.shape(weights)}")
        self.weights = np.array(weights, dtype=np.float64)
        if scales is None or precision is None:
            return
        self.scales = np.array(scales, dtype=np.float64)
        self.precision = np.array(precision, dtype=np.float64)
        self._seen[:] = np.maximum(self._seen, WARM_UP)
        self._waiting = []

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return everything that `load` needs, as named arrays."""
        rows = [x for x, _, _ in self._waiting] or [np.empty((0, len(self)), dtype=np.float32)]
        outcomes = [y for _, y, _ in self._waiting] or [np.empty(0, dtype=np.float32)]
        return {
            "weights": self.weights.copy(),
            "scales": self.scales.copy(),
            "precision": self.precision.copy(),
            "available": self.available.copy(),
            "moments": self._moments.copy(),
            "seen": self._seen.copy(),
            "waiting_rows": np.concatenate(rows),
            "waiting_outcomes": np.concatenate(outcomes),
            "waiting_end": np.cumsum([len(y) for _, y, _ in self._waiting], dtype=np.int64),
            "waiting_information": np.array([i for _, _, i in self._waiting], dtype=np.float64),
        }

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        ShapeError
            The state belongs to another number of columns.
        """
        if state["weights"].shape != (len(self),):
            raise ShapeError(
                f"state has {len(state['weights'])} columns, this model {len(self)}; build the "
                "model with the columns of the state"
            )
        self.weights = state["weights"].copy()
        self.scales = state["scales"].copy()
        self.precision = state["precision"].copy()
        self.available = state["available"].copy()
        self._moments = state["moments"].copy()
        self._seen = state["seen"].copy()
        ends = state["waiting_end"]
        self._waiting = list(
            zip(
                np.split(state["waiting_rows"], ends[:-1]),
                np.split(state["waiting_outcomes"], ends[:-1]),
                state["waiting_information"].tolist(),
                strict=False,
            )
        )
