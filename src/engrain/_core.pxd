cimport numpy as cnp
from libc.stdint cimport int64_t, uint64_t
from libcpp.mutex cimport mutex

from engrain._csrc cimport (
    ModulatorRule,
    ModulatorState,
    SumTreeView,
    TdRule,
    TraceRule,
    TraceTableView,
    ValueTableView,
)


cdef class TraceTable:
    cdef TraceTableView view
    cdef TraceRule native
    cdef mutex guard
    cdef readonly object rule
    cdef readonly int64_t max_handles
    cdef cnp.ndarray _traces, _owner, _slot_of
    cdef int _reserve(self, const int64_t* handles, Py_ssize_t n) except -1
    cdef _take(self, cnp.ndarray traces, cnp.ndarray owner, cnp.ndarray slot_of, size_t used,
               size_t hand, int64_t evicted)


cdef class ValueTable:
    cdef ValueTableView view
    cdef TdRule native
    cdef mutex guard
    cdef readonly object rule
    cdef readonly float default
    cdef readonly int64_t max_handles
    cdef cnp.ndarray _items, _active, _trace
    cdef int _reserve(self, const int64_t* handles, Py_ssize_t n) except -1
    cdef _take_items(self, cnp.ndarray items, bint keep)


cdef class Modulators:
    cdef ModulatorState current
    cdef ModulatorRule native
    cdef mutex guard
    cdef readonly object rule
    cdef readonly Py_ssize_t dim
    cdef cnp.ndarray _direction


cdef class SumTree:
    cdef SumTreeView view
    cdef mutex guard
    cdef uint64_t random
    cdef readonly Py_ssize_t capacity
    cdef readonly double alpha
    cdef cnp.ndarray _sum
