cimport numpy as cnp
from libcpp.mutex cimport mutex

from engrain._csrc cimport ModulatorRule, ModulatorState


cdef class Modulators:
    cdef ModulatorState current
    cdef ModulatorRule native
    cdef mutex guard
    cdef readonly object rule
    cdef readonly Py_ssize_t dim
    cdef cnp.ndarray _direction
