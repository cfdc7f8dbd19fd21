cimport numpy as cnp

from engrain._csrc cimport LoraStep


cdef class MicroLoRA:
    cdef cnp.ndarray a_, b_
    cdef float* pa
    cdef float* pb
    cdef LoraStep step
    cdef cnp.npy_intp dim_, rank_
    cdef long long updates_
    cdef bint large
    cdef adopt(self, a, b, long long updates)
