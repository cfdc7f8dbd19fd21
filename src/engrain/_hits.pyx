"""From scored candidates to what a request shows. Import it from engrain.kernels.hits."""

cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy
from libcpp.algorithm cimport lower_bound, partial_sort
from libcpp.pair cimport pair
from libcpp.vector cimport vector

from zlib import crc32

from engrain.base.errors import ShapeError

include "_arrays.pxi"

cnp.import_array()

cdef extern from "Python.h":
    const void* item "PyList_GET_ITEM"(list items, Py_ssize_t i)  # without a reference

cdef extern from "engrain/prefetch.hpp" namespace "engrain" nogil:
    void prefetch(const void* object)

ctypedef pair[float, Py_ssize_t] Place


cdef cnp.ndarray empty(int kind, cnp.npy_intp rows, cnp.npy_intp columns=-1):
    cdef cnp.npy_intp[2] shape
    shape[0], shape[1] = rows, columns
    return cnp.PyArray_EMPTY(1 if columns < 0 else 2, shape, kind, 0)


cdef const float* rows_of(object rows, Py_ssize_t n, str name) except? NULL:
    check_array(rows, cnp.NPY_FLOAT32, 2, False, name)
    check_extent(rows, 0, n, name)
    return <const float*>cnp.PyArray_DATA(<cnp.ndarray>rows)


cdef const int64_t* handles_of(object handles, Py_ssize_t n) except? NULL:
    cdef const int64_t* own = <const int64_t*>i64_vector(handles, "handles")
    check_extent(handles, 0, n, "handles")
    return own


cdef class Hit:
    """One remembered thing, shown as an answer.

    Attributes
    ----------
    id : str or int or UUID
    score : float
        Sum of `components`; natural-log units of the ranking model, comparable within one recall.
    text : str
    metadata : dict
    """

    cdef readonly object id
    cdef readonly double score
    cdef object record
    cdef tuple names
    cdef cnp.ndarray addends
    cdef Py_ssize_t place

    def __init__(self):
        raise TypeError("a Hit comes from Memory.recall")

    @property
    def text(self):
        """What the memory says."""
        return self.record.text

    @property
    def metadata(self):
        """What was remembered beside the text, as a copy."""
        return dict(self.record.metadata)

    @property
    def components(self):
        """Every addend of the score: learned weight times component score, by name."""
        return dict(zip(self.names, (<object>self.addends)[self.place].tolist(), strict=True))

    def __repr__(self):
        return f"Hit(id={self.id!r}, score={self.score:.4f})"


def list_hits(list ids not None, list records not None, handles, scores, tuple names not None,
              cnp.ndarray addends not None):
    cdef Py_ssize_t n = len(handles), i
    cdef const int64_t* own = handles_of(handles, n)
    cdef const float* score = f32_vector(scores, n, "scores")
    rows_of(addends, n, "addends")
    cdef list shown = []
    cdef Hit hit
    for i in range(n):  # they lie anywhere
        if 0 <= own[i] < min(len(ids), len(records)):
            prefetch(item(ids, own[i]))
            prefetch(item(records, own[i]))
    for i in range(n):
        if not 0 <= own[i] < min(len(ids), len(records)) or records[own[i]] is None:
            raise ValueError(f"handles: no memory has the handle {own[i]}")
        hit = Hit.__new__(Hit)
        hit.id, hit.record, hit.score = ids[own[i]], records[own[i]], score[i]
        hit.names, hit.addends, hit.place = names, addends, i
        shown.append(hit)
    return tuple(shown)


cdef vector[Place] best_places(const float* score, const Py_ssize_t* among, Py_ssize_t n,
                               Py_ssize_t k):
    """First the k best of n places, or of those `among`, best first, ties by place."""
    cdef vector[Place] order
    cdef Py_ssize_t i
    order.resize(n)
    for i in range(n):
        order[i].second = i if among == NULL else among[i]
        order[i].first = -score[order[i].second]
    partial_sort(order.begin(), order.begin() + k, order.end())
    return order


def take_best(handles, cnp.ndarray rows not None, scores, Py_ssize_t k):
    cdef Py_ssize_t n = len(scores), i
    cdef const int64_t* own = handles_of(handles, n)
    cdef const float* x = rows_of(rows, n, "rows")
    cdef const float* score = f32_vector(scores, n, "scores")
    cdef size_t width = cnp.PyArray_DIM(rows, 1)
    k = max(<Py_ssize_t>0, min(k, n))
    cdef vector[Place] order = best_places(score, NULL, n, k)
    cdef cnp.ndarray best = empty(cnp.NPY_INT64, k), values = empty(cnp.NPY_FLOAT32, k)
    cdef cnp.ndarray block = empty(cnp.NPY_FLOAT32, k, width)
    cdef int64_t* to = <int64_t*>cnp.PyArray_DATA(best)
    cdef float* row = <float*>cnp.PyArray_DATA(block)
    cdef float* value = <float*>cnp.PyArray_DATA(values)
    for i in range(k):
        to[i], value[i] = own[order[i].second], score[order[i].second]
        memcpy(row + i * width, x + order[i].second * width, width * sizeof(float))
    return best, block, values


cdef vector[Py_ssize_t] places_beside(const int64_t* handles, Py_ssize_t n, const int64_t* shown,
                                      Py_ssize_t k):
    """Where the handles stand that are not shown."""
    cdef vector[uint8_t] taken
    cdef vector[Py_ssize_t] rest
    cdef Py_ssize_t i, at
    taken.resize(n)
    for i in range(k):
        at = lower_bound(handles, handles + n, shown[i]) - handles
        if at < n and handles[at] == shown[i]:
            taken[at] = 1
    for i in range(n):
        if not taken[i]:
            rest.push_back(i)
    return rest


def list_beside(handles, cnp.ndarray rows not None, scores, shown, cnp.ndarray listed not None,
                Py_ssize_t most, Py_ssize_t runners=0):
    cdef Py_ssize_t n = len(scores), k = len(shown), i, at
    cdef const float* score = f32_vector(scores, n, "scores")
    cdef const float* x = rows_of(rows, n, "rows")
    cdef const float* y = rows_of(listed, k, "listed")
    cdef size_t width = cnp.PyArray_DIM(rows, 1)
    check_extent(listed, 1, width, "listed")
    cdef vector[Py_ssize_t] rest = places_beside(
        handles_of(handles, n), n, <const int64_t*>i64_vector(shown, "shown"), k)
    cdef Py_ssize_t left = rest.size(), count = max(<Py_ssize_t>0, min(left, most))
    runners = max(<Py_ssize_t>0, min(left, runners))
    cdef cnp.ndarray out = empty(cnp.NPY_FLOAT32, k + count + runners, width)
    cdef float* to = <float*>cnp.PyArray_DATA(out)
    memcpy(to, y, k * width * sizeof(float))
    cdef double start = crc32(scores) * 2.0 ** -32, distance = <double>left / max(most, 1)
    for i in range(count):
        at = rest[i] if left <= most else rest[<Py_ssize_t>((i + start) * distance)]
        memcpy(to + (k + i) * width, x + at * width, width * sizeof(float))
    cdef vector[Place] order = best_places(score, rest.data(), left, runners)
    for i in range(runners):
        memcpy(to + (k + count + i) * width, x + order[i].second * width, width * sizeof(float))
    return out, runners
