# Declarations of the C++ headers, shared by every .pyx (kept apart from the modules' own .pxd).
from libc.stddef cimport size_t

cdef extern from "engrain/similarity.hpp" namespace "engrain" nogil:
    void score_rows(const float* rows, const float* query, size_t n, size_t dim, float* out)

cdef extern from "engrain/lora.hpp" namespace "engrain" nogil:
    cdef struct LoraStep:
        float learning_rate
        float scale
        float decay
        float epsilon
        bint normalised
    void apply_lora(const float* a, const float* b, const float* x, size_t rank, size_t dim,
                    float scale, float* y)
    bint update_lora(float* a, float* b, const float* x, const float* g, size_t rank, size_t dim,
                     const LoraStep& step)
