cimport numpy as cnp
from libc.stdint cimport uint64_t
from libcpp.mutex cimport mutex

from engrain._csrc cimport SumTreeView


cdef class SumTree:
    cdef SumTreeView view
    cdef mutex guard
    cdef uint64_t random
    cdef readonly Py_ssize_t capacity
    cdef readonly double alpha
    cdef cnp.ndarray _sum
