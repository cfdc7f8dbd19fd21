"""Compiled state of the ranking: evidence, weight steps, the ledger's confidence sequences."""

from __future__ import annotations

import numpy as np

from engrain import _ranking
from engrain._ranking import (
    EvidenceState,
    LedgerState,
    RankerState,
    Similar,
    laplace_step,
    ledger_update,
    list_derivatives,
    observe,
    sequence_bounds,
)
from engrain._residual import ResidualState, raise_to_eighth, surprise, zero_untold
from engrain.base.arrays import F32Array, F64Array

__all__ = [
    "EvidenceState",
    "LedgerState",
    "RankerState",
    "ResidualState",
    "Similar",
    "laplace_step",
    "ledger_sequences",
    "ledger_update",
    "list_derivatives",
    "observe",
    "raise_to_eighth",
    "sequence_bounds",
    "surprise",
    "weigh_rows",
    "zero_untold",
]


def weigh_rows(rows: F32Array, weights: F64Array, out: F32Array | None = None) -> F32Array:
    """Return ``rows @ weights``, summed in float64 in ascending order of columns.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, columns), C-contiguous
    weights : ndarray of float64, shape (columns,)
    out : ndarray of float32, shape (n,), optional

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree.
    """
    if out is None:
        out = np.empty(len(rows), dtype=np.float32)
    _ranking.weigh_rows(rows, weights, out)
    return out


def ledger_sequences(columns: int) -> F64Array:
    """Return empty sequences for `ledger_update`, shape (parts, measures, fields, lines).

    The lines: one per column, then all evidence off, then static weights; the rest fills up
    registers and means nothing.
    """
    return np.zeros(_ranking.ledger_shape(columns))
