"""What outcomes said beyond the static model. Import it from engrain.kernels.ranking."""

cimport numpy as cnp
from libc.stddef cimport size_t
from libc.stdint cimport int64_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

from engrain._ranking cimport CSimilar, EvidenceState, Similar

from engrain.base.errors import ShapeError

include "_arrays.pxi"

cnp.import_array()

cdef extern from "engrain/residual.hpp" namespace "engrain" nogil:
    void c_surprise "engrain::surprise"(const float* scores, const float* outcomes, size_t n,
                                        float* out) except +
    cdef struct Told:
        int64_t scope, number, twin
        const float* query
        const int64_t* handles
        const float* centred
        const float* scores
        const float* outcomes
        size_t n
        float share
    cdef cppclass ResidualRows:
        int64_t next
        vector[float] asked, toward
        vector[int64_t] scope, number, about
    cdef cppclass Residuals:
        Residuals(size_t dim, size_t questions) except +
        size_t size()
        void add(const Told& told) except +
        void score(int64_t scope, const float* query, const CSimilar* similar,
                   const float* centred, size_t n, int64_t exclude, float* out) except +
        void forget(int64_t handle)
        const ResidualRows& rows()
        void load(ResidualRows rows) except +
    size_t most "engrain::Residuals::most"


cdef bint any_set(const float* values, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        if values[i] != 0:
            return True
    return False


def surprise(scores, outcomes):
    cdef Py_ssize_t n = len(scores)
    cdef const float* z = f32_vector(scores, n, "scores")
    cdef const float* y = f32_vector(outcomes, n, "outcomes")
    if not any_set(y, n):
        raise ValueError("outcomes: expected one above 0, got none")
    cdef cnp.npy_intp extent = n
    cdef cnp.ndarray out = cnp.PyArray_EMPTY(1, &extent, cnp.NPY_FLOAT32, 0)
    c_surprise(z, y, n, <float*>cnp.PyArray_DATA(out))
    return out


cdef cnp.ndarray array_of(const void* data, int kind, size_t item, Py_ssize_t rows, Py_ssize_t width):
    cdef cnp.npy_intp[2] shape
    shape[0], shape[1] = rows, width
    cdef cnp.ndarray out = cnp.PyArray_EMPTY(1 if width < 0 else 2, shape, kind, 0)
    cdef size_t items = rows * (1 if width < 0 else width)
    if items:
        memcpy(cnp.PyArray_DATA(out), data, items * item)
    return out


cdef class ResidualState:
    """The residual vectors of the last questions; see `engrain.memory.residual`."""

    cdef Residuals* core
    cdef vector[float] scores
    cdef readonly Py_ssize_t dim, questions

    def __cinit__(self, Py_ssize_t dim, Py_ssize_t questions=4096):
        if dim < 0 or questions < 1:
            raise ValueError(f"dim and questions: expected 0 and 1 at least, got {dim}, {questions}")
        self.core = new Residuals(dim, questions)
        self.dim, self.questions = dim, questions

    def __dealloc__(self):
        del self.core

    def __len__(self):
        return self.core.size()

    cdef const float* rows_of(self, object centred, Py_ssize_t n) except? NULL:
        check_array(centred, cnp.NPY_FLOAT32, 2, False, "centred")
        check_extent(centred, 0, n, "centred")
        check_extent(centred, 1, self.dim, "centred")
        return <const float*>cnp.PyArray_DATA(<cnp.ndarray>centred)

    def add(self, int64_t scope, query, handles, centred, scores, outcomes, *, int64_t number=-1,
            float share=1.0, EvidenceState evidence=None):
        cdef Told told
        told.scope, told.number, told.share = scope, number, share
        told.n = len(handles)
        told.handles = <const int64_t*>i64_vector(handles, "handles")
        told.centred = self.rows_of(centred, told.n)
        told.scores = f32_vector(scores, told.n, "scores")
        told.outcomes = f32_vector(outcomes, told.n, "outcomes")
        if query is None or self.dim == 0 or share <= 0 or not any_set(told.outcomes, told.n):
            return
        told.query = f32_vector(query, self.dim, "query")
        if evidence is not None and evidence.dim != self.dim:
            raise ShapeError(f"evidence: expected width {self.dim}, got {evidence.dim}")
        told.twin = -1 if evidence is None else evidence.core.newest(told.query)
        self.core.add(told)

    def score(self, int64_t scope, query, centred, int64_t exclude=-1, Similar similar=None):
        cdef Py_ssize_t n = len(centred)
        cdef cnp.npy_intp extent = n
        cdef cnp.ndarray found = cnp.PyArray_EMPTY(1, &extent, cnp.NPY_FLOAT32, 0)
        told = self.write(scope, query, centred, found[:, None], 0, exclude, similar)
        return found if told else None

    def write(self, int64_t scope, query, centred, cnp.ndarray rows not None, Py_ssize_t column,
              int64_t exclude=-1, Similar similar=None):
        cdef Py_ssize_t i, n = len(centred)
        cdef const float* vectors = self.rows_of(centred, n)
        check_array(rows, cnp.NPY_FLOAT32, 2, True, "rows")
        check_extent(rows, 0, n, "rows")
        cdef Py_ssize_t width = cnp.PyArray_DIM(rows, 1)
        if not 0 <= column < width:
            raise ValueError(f"column: expected one of {width}, got {column}")
        if query is None or not self.core.size():
            return False
        cdef const float* q = f32_vector(query, self.dim, "query")
        cdef const CSimilar* known = NULL
        if similar is not None:
            (<EvidenceState>similar.owner).check_fresh(similar)
            known = &similar.value
        self.scores.resize(n)
        self.core.score(scope, q, known, vectors, n, exclude, self.scores.data())
        cdef float* to = <float*>cnp.PyArray_DATA(rows) + column
        for i in range(n):
            to[i * width] = self.scores[i]
        return True

    def forget(self, int64_t handle):
        self.core.forget(handle)

    def state(self):
        cdef const ResidualRows* held = &self.core.rows()
        cdef Py_ssize_t n = self.core.size()
        return {
            "next": array_of(&held.next, cnp.NPY_INT64, 8, 1, -1),
            "asked": array_of(held.asked.data(), cnp.NPY_FLOAT32, 4, n, self.dim),
            "toward": array_of(held.toward.data(), cnp.NPY_FLOAT32, 4, n, self.dim),
            "scope": array_of(held.scope.data(), cnp.NPY_INT64, 8, n, -1),
            "number": array_of(held.number.data(), cnp.NPY_INT64, 8, n, -1),
            "about": array_of(held.about.data(), cnp.NPY_INT64, 8, n, most),
        }

    def load(self, state):
        cdef ResidualRows rows
        cdef Py_ssize_t n = len(state["scope"])
        rows.next = int(state["next"][0])
        if not (0 <= rows.next and n == min(rows.next, self.questions)):
            raise ValueError(f"state: {n} questions are not the last {self.questions} of {rows.next}")
        cdef dict widths = {"asked": self.dim, "toward": self.dim, "about": most}
        for name, width in widths.items():
            check_array(state[name], cnp.NPY_INT64 if name == "about" else cnp.NPY_FLOAT32, 2, False,
                        name)
            check_extent(state[name], 0, n, name)
            check_extent(state[name], 1, width, name)
        cdef const float* asked = <const float*>cnp.PyArray_DATA(<cnp.ndarray>state["asked"])
        cdef const float* toward = <const float*>cnp.PyArray_DATA(<cnp.ndarray>state["toward"])
        cdef const int64_t* about = <const int64_t*>cnp.PyArray_DATA(<cnp.ndarray>state["about"])
        cdef const int64_t* scope = <const int64_t*>i64_vector(state["scope"], "scope")
        cdef const int64_t* number = <const int64_t*>i64_vector(state["number"], "number")
        rows.asked.assign(asked, asked + n * self.dim)
        rows.toward.assign(toward, toward + n * self.dim)
        rows.about.assign(about, about + n * <Py_ssize_t>most)
        rows.scope.assign(scope, scope + n)
        rows.number.assign(number, number + n)
        self.core.load(rows)


def zero_untold(told):
    cdef Py_ssize_t i, n = len(told)
    cdef const float* y = f32_vector(told, n, "told")
    cdef cnp.npy_intp extent = n
    cdef cnp.ndarray out = cnp.PyArray_EMPTY(1, &extent, cnp.NPY_FLOAT32, 0)
    cdef float* to = <float*>cnp.PyArray_DATA(out)
    for i in range(n):
        to[i] = y[i] if y[i] == y[i] else 0.0
    return out


def raise_to_eighth(cnp.ndarray rows not None, Py_ssize_t source, Py_ssize_t target):
    check_array(rows, cnp.NPY_FLOAT32, 2, True, "rows")
    cdef Py_ssize_t n = cnp.PyArray_DIM(rows, 0), width = cnp.PyArray_DIM(rows, 1), i
    if not (0 <= source < width and 0 <= target < width):
        raise ValueError(f"source and target: expected columns of {width}, got {source}, {target}")
    cdef float* row = <float*>cnp.PyArray_DATA(rows)
    cdef float square
    for i in range(n):
        square = row[source] * row[source]
        square *= square
        row[target] = square * square
        row += width
