"""The ranking model, for the other modules of the inline path."""
from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int64_t, uint8_t
from libcpp.vector cimport vector

cimport numpy as cnp

cdef extern from "engrain/rank.hpp" namespace "engrain" nogil:
    cdef struct Step:
        double loss
        double moved
    void c_weigh_rows "engrain::weigh_rows"(const float* rows, const double* weights, size_t n,
                                            size_t columns, float* out)
    size_t laplace_scratch(size_t n, size_t columns)
    Step c_laplace_step "engrain::laplace_step"(
        const float* rows, const float* outcomes, size_t n, size_t columns, double information,
        double clip, const uint8_t* active, const int8_t* signs, const double* scales,
        double* weights, double* precision, double* scratch)

    double c_list_derivatives "engrain::list_derivatives"(
        const float* rows, const float* targets, const int64_t* offsets, const double* weight,
        size_t lists, size_t columns, const double* w, double* gradient, double* curvature,
        double* scratch)

cdef extern from "engrain/ranker.hpp" namespace "engrain" nogil:
    cdef cppclass CList "engrain::Ranker::List":
        vector[float] rows, outcomes
        double information

    cdef cppclass CRanker "engrain::Ranker":
        CRanker() except +
        void add_column(int8_t sign, double base, double weight, bint learnable,
                        double stiffness) except +
        void reserve(size_t n) except +
        Step step(const float* rows, const float* outcomes, size_t n, double information)
        void take_fit(const double* weights, const double* scales, const double* precision) except +
        size_t columns()
        bint settled()
        double lam
        vector[double] stiffness
        vector[int8_t] signs
        vector[uint8_t] learnable
        vector[double] base, weights, scales, precision, moments
        vector[int64_t] seen
        vector[CList] waiting


cdef class RankerState:
    cdef CRanker* core
    cdef vector[double] take(self, object array, str name, size_t n) except *
    cdef int check_lists(self, cnp.ndarray rows, cnp.ndarray outcomes) except -1
