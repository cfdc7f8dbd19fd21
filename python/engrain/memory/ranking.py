"""The one convex ranking model: a weight per component, learned from judged lists.

The score of a candidate is w.x. A judged list with targets t (its outcomes over their sum) costs
-sum_d t_d log softmax(w.x)_d; weights are shrunk to a prior. `step` learns inline from one list,
`fit` (see `engrain.memory.fit`) from all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array, I64Array
from engrain.base.errors import ConfigError
from engrain.kernels.ranking import RankerState
from engrain.memory.columns import reorder_arrays
from engrain.memory.fit import FitReport, fit_beside_places, fit_map

WARM_UP = 20  # traces before deviations are fixed
Trusted: TypeAlias = Mapping[str, float]
EVEN: Trusted = {"static": 1.0, "evidence": 1.0}


# Axes of the state's arrays that run over columns.
STATE_AXES = {
    "weights": (0,),
    "scales": (0,),
    "precision": (0, 1),
    "learnable": (0,),
    "moments": (1,),
    "seen": (0,),
    "waiting_rows": (1,),
}


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


class RankingModel(RankerState):
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
    trust : float
        How much more firmly fits hold static columns to the prior than evidence: above 1 where the
        prior was learned on memories of the same kind.
    evidence : bool
        False pins evidence weights at 0: the control that learns static weights alone.

    Notes
    -----
    ``weights``, ``scales``, ``base``, ``signs``, ``learnable`` (columns,) and ``precision``
    (columns, columns) are copies. Deviations are fixed after `WARM_UP` lists, which are then
    replayed; `warm` tells whether they are. A column is scaled by at least .02; a step moves no two
    scores apart by more than .3; the prior shrinks the base direction fifty times less, since it is
    only a temperature.
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
        trust: Trusted = EVEN,
    ) -> None:
        if not (trust["static"] > 0 and trust["evidence"] > 0):
            raise ConfigError(f"trust must be above 0, got {dict(trust)}")
        if not len(names) == len(kinds) == len(signs) or len(set(names)) != len(names):
            raise ConfigError("names, kinds and signs: expected one of each per distinct column")
        if unknown := sorted(set(base) - set(names)):
            raise ConfigError(f"base: no such columns: {', '.join(unknown)}")
        if not any(base.values()):
            raise ConfigError("base must not be all 0")
        super().__init__(lam)
        self.names: tuple[str, ...] = ()
        self.kinds: tuple[str, ...] = ()
        self.evidence, self.trust = evidence, dict(trust)
        for name, kind, sign in zip(names, kinds, signs, strict=True):
            self.add_column(name, kind, sign, base=float(base.get(name, 0.0)))

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
        learns = kind == "static" or self.evidence
        self.names, self.kinds = (*self.names, name), (*self.kinds, kind)
        self.append(sign, base, base if learns else 0.0, learns, self.trust[kind])

    def restart(self, names: Sequence[str]) -> None:
        """Measure the deviations of columns anew: their rows so far said nothing."""
        columns = [self.names.index(name) for name in names]
        state = self.state()
        state["moments"][:, columns] = 0.0
        state["seen"][columns] = 0
        self.load(state)

    def set_available(self, name: str, available: bool) -> None:
        """Freeze the weight of a component that is missing, or let it learn again."""
        place, learnable = self.names.index(name), self.learnable
        learnable[place] = available and (self.kinds[place] == "static" or self.evidence)
        self.learnable = learnable

    @property
    def evidence_mask(self) -> BoolArray:
        """Which columns are evidence, shape (columns,)."""
        return np.array([kind == "evidence" for kind in self.kinds])

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
        loss, moved = self.learn(rows, outcomes, (1.0 + omega) * self.lam / lam)
        return StepReport(not math.isnan(loss), loss, moved)

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
        return self.fitting(rows, targets, offsets, value=value, lam=lam)()

    def fitting(
        self,
        rows: F32Array,
        targets: F32Array,
        offsets: I64Array,
        *,
        value: F64Array,
        lam: float | F64Array,
        prominence: F32Array | None = None,
    ) -> Callable[[], FitReport]:
        """Return `fit` as a call that holds all it needs of the model as it is now.

        With `prominence`, shape (N,), what is due to places is told apart: `fit_beside_places`.
        """
        objective = (
            fit_map if prominence is None else partial(fit_beside_places, prominence=prominence)
        )
        return partial(
            objective,
            rows,
            targets,
            offsets,
            value=value,
            lam=np.broadcast_to(np.asarray(lam, dtype=np.float64), (len(offsets) - 1,)),
            base=self.base.copy(),
            signs=self.signs.copy(),
            free=self.learnable.copy(),
            fixed=self.weights.copy(),
            precision_unit=self.lam,
            stiffness=self.stiffness,
            evidence=self.evidence_mask,
        )

    def reorder(
        self, state: Mapping[str, np.ndarray[Any, Any]], names: Sequence[str]
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Return the state of a model with columns `names` as a state of this one.

        Columns that it lacks stay as they are here.
        """
        return reorder_arrays(state, self.state(), names, self.names, STATE_AXES)
