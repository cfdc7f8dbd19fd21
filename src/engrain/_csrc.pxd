# Declarations of the C++ headers, shared by every .pyx (kept apart from the modules' own .pxd).
from libc.stddef cimport size_t

cdef extern from "engrain/similarity.hpp" namespace "engrain" nogil:
    void score_rows(const float* rows, const float* query, size_t n, size_t dim, float* out)
