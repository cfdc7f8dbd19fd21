"""The compiled state of the ranking, for the other modules of the inline path."""
from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t
from libcpp.vector cimport vector

cimport numpy as cnp

cdef extern from "engrain/fixed.hpp" namespace "engrain" nogil:
    int64_t to_fixed(double x)
    double from_fixed(int64_t x)

cdef extern from "engrain/evidence.hpp" namespace "engrain" nogil:
    cdef struct TermView:
        const int32_t* ids
        const float* counts
        const float* idf
        size_t n

    cdef struct Use:
        int64_t handle
        int64_t mass

    cdef cppclass CSimilar "engrain::Similar":
        int64_t scope, excluded
        double cubes
        vector[float] kernel

    cdef struct CandidateView:
        const int64_t* handles
        const float* statics
        const float* centred
        const float* tf
        const float* length
        size_t n

    cdef cppclass CState "engrain::EvidenceState":
        int64_t next
        vector[int64_t] number, scope, flags, term_end, use_end, use_handle, use_mass
        vector[int64_t] passed_end, passed
        vector[int32_t] term
        vector[float] count, weight
        vector[float] vectors "vector", target
        vector[int64_t] handle, mass, length, sum, count_end, count_value
        vector[int32_t] count_term
        vector[float] ridge

    cdef cppclass CPairs "engrain::Pairs":
        vector[int64_t] number
        vector[double] mass
        vector[float] vectors "vector", target

    cdef cppclass CEvidence "engrain::Evidence":
        CEvidence(size_t dim, size_t questions) except +
        void similarity(int64_t scope, const float* query, TermView terms, int64_t exclude,
                        CSimilar& out) except +
        vector[int64_t] propose(const CSimilar& similar, size_t k) except +
        void features(const CSimilar& similar, const CandidateView& block, TermView terms,
                      float average_length, float sd, float* out, size_t stride) except +
        int64_t add(int64_t scope, const float* query, TermView terms, const vector[Use]& used,
                    const vector[int64_t]& passed, const float* const* centred) except + nogil
        int64_t newest(const float* query)
        bint remove(int64_t number) except +
        void forget(int64_t handle) except +
        void set_ridge(const float* w) except +
        void set_leverage(const vector[float]& by_position) except +
        CPairs pairs() except +
        vector[float] ridge() except +
        bint holds(int64_t number)
        double mass_of(int64_t handle)
        void enter()
        bint try_enter()
        void leave()
        void approach(const int64_t* handles, size_t n, TermView terms)
        void fetch(const int64_t* handles, size_t n)
        void prepare(const float* query, TermView terms, const vector[Use]& used,
                     const vector[int64_t]& passed) except +
        int64_t commit(int64_t scope, const float* query, const float* const* centred)
        bint any_rewarded(const int64_t* handles, size_t n)
        CState save() except +
        void load(const CState& state) except +

    size_t evidence_columns "engrain::Evidence::columns"

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

cdef extern from "engrain/ledger.hpp" namespace "engrain" nogil:
    cdef struct Sequence:
        double n
    cdef struct Bounds:
        double lower
        double upper
    size_t ledger_scratch(size_t n, size_t columns)
    size_t ledger_lines(size_t columns)
    void c_ledger_update "engrain::ledger_update"(
        const float* rows, const float* outcomes, size_t n, const float* runners, size_t m,
        size_t columns, const double* weights, const double* static_weights,
        const uint8_t* evidence, int part, double alpha, double* sequences, double* scratch)
    Bounds bounds_of(const Sequence& sequence, double alpha)
    void c_observe "engrain::observe"(Sequence& sequence, double x, double budget, double clock)



cdef class Similar:
    cdef CSimilar value
    cdef object owner
    cdef int64_t version


cdef class EvidenceState:
    cdef CEvidence* core
    cdef readonly Py_ssize_t dim
    cdef readonly Py_ssize_t questions
    cdef int64_t version
    cdef const float* vector_of(self, cnp.ndarray query) except? NULL
    cdef int check_fresh(self, Similar similar) except -1
    cdef vector[Use] uses_of(self, cnp.ndarray handles, cnp.ndarray masses) except *
    cdef vector[int64_t] passed_of(self, cnp.ndarray passed) except *


cdef class RankerState:
    cdef CRanker* core
    cdef vector[double] take(self, object array, str name, size_t n) except *
    cdef int check_lists(self, cnp.ndarray rows, cnp.ndarray outcomes) except -1


cdef class LedgerState:
    cdef readonly double alpha
    cdef readonly Py_ssize_t columns
    cdef vector[uint8_t] evidence_
    cdef vector[double] sequences_, scratch
    cdef int reserve(self, Py_ssize_t n) except -1
    cdef void settle(self, const float* rows, const float* outcomes, Py_ssize_t n,
                     const float* runners, Py_ssize_t m,
                     const double* weights, const double* static_weights,
                     bint overlap) noexcept nogil


cdef TermView terms_of(cnp.ndarray terms, cnp.ndarray counts, cnp.ndarray idf) except *
