cimport numpy as cnp
from libc.stdint cimport int64_t
from libcpp.mutex cimport mutex

from engrain._csrc cimport TdRule, ValueTableView


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
