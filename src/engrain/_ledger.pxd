"""The ledger, for the other modules of the inline path."""
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t
from libcpp.vector cimport vector

cdef extern from "engrain/ledger.hpp" namespace "engrain" nogil:
    cdef struct Sequence:
        double n
    cdef struct Bounds:
        double lower
        double upper
    size_t ledger_scratch(size_t n, size_t columns)
    size_t ledger_lines(size_t columns)
    void c_ledger_update "engrain::ledger_update"(
        const float* rows, const float* outcomes, size_t n, size_t columns, const double* weights,
        const double* static_weights, const uint8_t* evidence, int part, double alpha,
        double* sequences, double* scratch)
    Bounds bounds_of(const Sequence& sequence, double alpha)
    void c_observe "engrain::observe"(Sequence& sequence, double x, double budget, double clock)


cdef class LedgerState:
    cdef readonly double alpha
    cdef readonly Py_ssize_t columns
    cdef vector[uint8_t] evidence_
    cdef vector[double] sequences_, scratch
    cdef int reserve(self, Py_ssize_t n) except -1
    cdef void settle(self, const float* rows, const float* outcomes, Py_ssize_t n,
                     const double* weights, const double* static_weights,
                     bint overlap) noexcept nogil
