"""Running lifts and their bounds. Import it from engrain.kernels.ranking."""
from libc.stdint cimport uint8_t
from libcpp.vector cimport vector

cimport numpy as cnp

import numpy as np

from engrain.base.errors import ConfigError, ShapeError

cnp.import_array()
include "_vectors.pxi"


cdef extern from "engrain/transcendental.hpp" namespace "engrain" nogil:
    double c_log "engrain::log"(double x)

SEQUENCE_FIELDS = 6
LEDGER_MEASURES = 3


def ledger_shape(columns):
    return (3, LEDGER_MEASURES, SEQUENCE_FIELDS, ledger_lines(columns))


cdef class LedgerState:
    """The running lifts of the ledger; see `engrain.memory.ledger`."""

    def __init__(self, evidence, alpha=0.05):
        if not 0 < alpha < 1:
            raise ConfigError(f"alpha: must be in (0, 1), got {alpha}")
        self.alpha = alpha
        self.take_columns(evidence, None)

    def take_columns(self, evidence, sequences):
        """Take other columns, and their sums as `sequences` gives them; without, they begin."""
        cdef Py_ssize_t j, columns = len(evidence)
        shape = ledger_shape(columns)
        if sequences is None:
            sequences = np.zeros(shape)
        if sequences.shape != shape:
            raise ShapeError(f"state has shape {sequences.shape}, this ledger {shape}")
        cdef cnp.ndarray sums = np.ascontiguousarray(sequences, dtype=np.float64)
        cdef const double* p = <const double*>cnp.PyArray_DATA(sums)
        self.columns = columns
        self.evidence_.resize(columns)
        for j in range(columns):
            self.evidence_[j] = bool(evidence[j])
        self.sequences_.assign(p, p + cnp.PyArray_SIZE(sums))

    @property
    def evidence(self):
        return np.array(self.evidence_, dtype=np.uint8)

    @property
    def sequences(self):
        """Sums, shape (parts, measures, fields, lines): a line per column, then without all
        evidence, then by static weights, then what fills up registers."""
        return doubles(self.sequences_).reshape(ledger_shape(self.columns))

    def add(self, cnp.ndarray rows not None, cnp.ndarray outcomes not None,
            cnp.ndarray weights not None, cnp.ndarray static_weights not None, bint overlap):
        """Add one list; nothing where its outcomes sum to 0."""
        cdef Py_ssize_t n = cnp.PyArray_SIZE(outcomes)
        check_shape(outcomes, "outcomes", n)
        check_shape(rows, "rows", n, self.columns)
        check_shape(weights, "weights", self.columns)
        check_shape(static_weights, "static_weights", self.columns)
        cdef const float* x = <const float*>data_of(rows, cnp.NPY_FLOAT32, "rows")
        cdef const float* y = <const float*>data_of(outcomes, cnp.NPY_FLOAT32, "outcomes")
        cdef const double* w = <const double*>data_of(weights, cnp.NPY_FLOAT64, "weights")
        cdef const double* v = <const double*>data_of(
            static_weights, cnp.NPY_FLOAT64, "static_weights")
        if not (<object>outcomes).any():
            return
        check_outcomes(y, n)
        self.reserve(n)
        with nogil:
            self.settle(x, y, n, w, v, overlap)

    def state(self):
        """Return the sums as named arrays."""
        return {"sequences": self.sequences, "columns": np.array([self.columns], np.int64)}

    def load(self, state):
        """Take over a state returned by `state`.

        Raises
        ------
        ShapeError
            The state belongs to another number of columns.
        """
        if state["columns"].tolist() != [self.columns]:
            raise ShapeError(
                f"state has {state['columns'].tolist()} columns, this ledger {self.columns}"
            )
        self.take_columns(self.evidence, state["sequences"])

    cdef int reserve(self, Py_ssize_t n) except -1:
        cdef size_t wanted = ledger_scratch(n, self.columns)
        if self.scratch.size() < wanted:
            self.scratch.resize(wanted)
        return 0

    cdef void settle(self, const float* rows, const float* outcomes, Py_ssize_t n,
                     const double* weights, const double* static_weights,
                     bint overlap) noexcept nogil:
        c_ledger_update(rows, outcomes, n, self.columns, weights, static_weights,
                        self.evidence_.data(), 1 if overlap else 2, self.alpha,
                        self.sequences_.data(), self.scratch.data())


def ledger_update(cnp.ndarray rows not None, cnp.ndarray outcomes not None,
                  cnp.ndarray weights not None, cnp.ndarray static_weights not None,
                  cnp.ndarray evidence not None, int part, double alpha,
                  cnp.ndarray sequences not None):
    cdef Py_ssize_t n = cnp.PyArray_SIZE(outcomes), columns = cnp.PyArray_SIZE(weights)
    check_shape(outcomes, "outcomes", n)
    check_shape(rows, "rows", n, columns)
    check_shape(weights, "weights", columns)
    check_shape(static_weights, "static_weights", columns)
    check_shape(evidence, "evidence", columns)
    if (<object>sequences).shape != ledger_shape(columns):
        raise ValueError(f"sequences: expected shape {ledger_shape(columns)}")
    if part not in (1, 2):
        raise ValueError(f"part: expected 1 (overlap) or 2 (no overlap), got {part}")
    cdef const float* x = <const float*>data_of(rows, cnp.NPY_FLOAT32, "rows")
    cdef const float* y = <const float*>data_of(outcomes, cnp.NPY_FLOAT32, "outcomes")
    cdef const double* w = <const double*>data_of(weights, cnp.NPY_FLOAT64, "weights")
    cdef const double* v = <const double*>data_of(static_weights, cnp.NPY_FLOAT64, "static_weights")
    cdef const uint8_t* e = <const uint8_t*>data_of(evidence, cnp.NPY_UINT8, "evidence")
    cdef double* to = <double*>data_of(sequences, cnp.NPY_FLOAT64, "sequences")
    check_outcomes(y, n)
    cdef vector[double] scratch
    scratch.resize(ledger_scratch(n, columns))
    with nogil:
        c_ledger_update(x, y, n, columns, w, v, e, part, alpha, to, scratch.data())


def observe(cnp.ndarray sequence not None, double x, double alpha):
    check_shape(sequence, "sequence", SEQUENCE_FIELDS)
    if not 0 <= x <= 1:
        raise ValueError(f"x: expected a number in [0, 1], got {x}")
    cdef Sequence* to = <Sequence*>data_of(sequence, cnp.NPY_FLOAT64, "sequence")
    c_observe(to[0], x, c_log(2 / alpha), c_log(2 + to.n))


def sequence_bounds(cnp.ndarray sequence not None, double alpha):
    check_shape(sequence, "sequence", SEQUENCE_FIELDS)
    cdef Sequence* at = <Sequence*>data_of(sequence, cnp.NPY_FLOAT64, "sequence")
    cdef Bounds bounds = bounds_of(at[0], alpha)
    return bounds.lower, bounds.upper
