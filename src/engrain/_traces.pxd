cimport numpy as cnp
from libc.stdint cimport int64_t
from libcpp.mutex cimport mutex

from engrain._csrc cimport TraceRule, TraceTableView


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
