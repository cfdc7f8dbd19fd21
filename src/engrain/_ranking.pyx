"""Weights of the ranking and the steps they take. Import it from engrain.kernels.ranking."""
from libc.stdint cimport int8_t, int64_t, uint8_t
from libcpp.vector cimport vector

cimport numpy as cnp

import numpy as np

from engrain._csrc cimport all_finite

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError

cnp.import_array()
include "_vectors.pxi"


cdef class RankerState:
    """Weights, scales and precision of the ranking model; see `engrain.memory.ranking`.

    Changes must not run in two threads at once; `engrain.memory.Memory` and the learning loop see
    to that.
    """

    def __cinit__(self, *args, **options):
        self.core = new CRanker()

    def __init__(self, lam=100.0):
        if not lam > 0:
            raise ConfigError(f"lam: must be above 0, got {lam}")
        self.core.lam = lam

    def __dealloc__(self):
        del self.core

    def __len__(self):
        return self.core.columns()

    @property
    def lam(self):
        return self.core.lam

    @property
    def warm(self):
        """Whether deviations are known and steps learn."""
        return self.core.settled()

    @property
    def signs(self):
        return np.array(self.core.signs, dtype=np.int8)

    @property
    def base(self):
        return doubles(self.core.base)

    @property
    def stiffness(self):
        return doubles(self.core.stiffness)

    @property
    def scales(self):
        return doubles(self.core.scales)

    @property
    def precision(self):
        return doubles(self.core.precision).reshape(len(self), len(self))

    @property
    def weights(self):
        return doubles(self.core.weights)

    @weights.setter
    def weights(self, values):
        cdef vector[double] taken = self.take(values, "weights", self.core.columns())
        self.core.weights.swap(taken)

    @property
    def learnable(self):
        """Which weights may change, shape (columns,)."""
        return np.array(self.core.learnable, dtype=np.bool_)

    @learnable.setter
    def learnable(self, values):
        if len(values) != len(self):
            raise ShapeError(f"learnable: expected {len(self)} values, got {len(values)}")
        cdef size_t j
        for j in range(self.core.columns()):
            self.core.learnable[j] = bool(values[j])

    def append(self, sign, base, weight, learnable, stiffness=1.0):
        """Append a column, which learns once twenty lists have fixed its deviation."""
        self.core.add_column(sign, base, weight, learnable, stiffness)

    def score(self, cnp.ndarray rows not None):
        """Return w.x per row, shape (n,); rows are float32 of shape (n, columns)."""
        cdef Py_ssize_t n = cnp.PyArray_DIM(rows, 0) if cnp.PyArray_NDIM(rows) == 2 else -1
        check_shape(rows, "rows", n, self.core.columns())
        cdef const float* x = <const float*>data_of(rows, cnp.NPY_FLOAT32, "rows")
        cdef cnp.ndarray out = np.empty(n, dtype=np.float32)
        c_weigh_rows(x, self.core.weights.data(), n, self.core.columns(),
                     <float*>cnp.PyArray_DATA(out))
        return out

    cdef int check_lists(self, cnp.ndarray rows, cnp.ndarray outcomes) except -1:
        """Check one judged list; its outcomes may all be 0."""
        cdef Py_ssize_t i, n = cnp.PyArray_SIZE(outcomes)
        cdef Py_ssize_t columns = self.core.columns()
        if (<object>rows).shape != (n, columns):
            raise ShapeError(f"rows: expected {(n, columns)}, got {(<object>rows).shape}")
        check_shape(outcomes, "outcomes", n)
        cdef const float* y = <const float*>data_of(outcomes, cnp.NPY_FLOAT32, "outcomes")
        if not all_finite(<const float*>data_of(rows, cnp.NPY_FLOAT32, "rows"), n * columns):
            raise NonFiniteError("rows: must be finite")
        for i in range(n):
            if not 0 <= y[i] <= 1:
                raise ValueError(f"outcomes: expected numbers in [0, 1], got {y[i]}")
        return 0

    def learn(self, cnp.ndarray rows not None, cnp.ndarray outcomes not None, double information):
        """Take one clipped Laplace step; return loss (NaN: nothing learned) and largest change."""
        self.check_lists(rows, outcomes)
        cdef Py_ssize_t n = cnp.PyArray_SIZE(outcomes)
        self.core.reserve(n)
        cdef Step report
        with nogil:
            report = self.core.step(<const float*>cnp.PyArray_DATA(rows),
                                    <const float*>cnp.PyArray_DATA(outcomes), n, information)
        return report.loss, report.moved

    def set_weights(self, weights, scales=None, precision=None):
        """Take over the result of a fit; with scales and precision, steps go on from there.

        Raises
        ------
        ShapeError
            Not one weight per column.
        """
        cdef size_t c = self.core.columns()
        cdef vector[double] w = self.take(weights, "weights", c)
        if scales is None or precision is None:
            self.core.weights.swap(w)
            return
        cdef vector[double] s = self.take(scales, "scales", c)
        cdef vector[double] p = self.take(precision, "precision", c * c)
        self.core.take_fit(w.data(), s.data(), p.data())

    cdef vector[double] take(self, object array, str name, size_t n) except *:
        cdef cnp.ndarray values = np.ascontiguousarray(array, dtype=np.float64)
        if <size_t>cnp.PyArray_SIZE(values) != n:
            raise ShapeError(f"{name}: expected {n} numbers, got shape {np.shape(array)}")
        cdef const double* p = <const double*>cnp.PyArray_DATA(values)
        cdef vector[double] out
        out.assign(p, p + n)
        return out

    def state(self):
        """Return everything that `load` needs, as named arrays."""
        c = len(self)
        rows, outcomes, ends, information = [], [], [], []
        cdef size_t i
        for i in range(self.core.waiting.size()):
            rows.append(floats(self.core.waiting[i].rows))
            outcomes.append(floats(self.core.waiting[i].outcomes))
            information.append(self.core.waiting[i].information)
        none = [np.empty(0, dtype=np.float32)]
        return {
            "weights": self.weights,
            "scales": self.scales,
            "precision": self.precision,
            "learnable": self.learnable,
            "moments": doubles(self.core.moments).reshape(3, c),
            "seen": longs(self.core.seen),
            "waiting_rows": np.concatenate(rows or none).reshape(-1, c),
            "waiting_outcomes": np.concatenate(outcomes or none),
            "waiting_end": np.cumsum([len(y) for y in outcomes], dtype=np.int64),
            "waiting_information": np.array(information, dtype=np.float64),
        }

    def load(self, state):
        """Take over a state returned by `state`.

        Raises
        ------
        ShapeError
            The state belongs to another number of columns, or its arrays do not fit together.
        """
        cdef size_t i, c = self.core.columns()
        if len(state["weights"]) != len(self):
            raise ShapeError(
                f"state has {len(state['weights'])} columns, this model {len(self)}; build the "
                "model with the columns of the state"
            )
        ends, information = state["waiting_end"], state["waiting_information"]
        rows, outcomes = state["waiting_rows"], state["waiting_outcomes"]
        seen, learnable = state["seen"], state["learnable"]
        if not (len(seen) == len(learnable) == len(self) and len(ends) == len(information)
                and rows.shape == (len(outcomes), len(self))
                and (np.diff(ends, prepend=0) > 0).all() and (ends[-1:] == len(outcomes)).all()):
            raise ShapeError("the state of a ranking model does not fit together")
        cdef vector[double] weights = self.take(state["weights"], "weights", c)
        cdef vector[double] scales = self.take(state["scales"], "scales", c)
        cdef vector[double] precision = self.take(state["precision"], "precision", c * c)
        cdef vector[double] moments = self.take(state["moments"], "moments", 3 * c)
        cdef vector[CList] waiting
        waiting.resize(len(ends))
        start = 0
        for i in range(waiting.size()):
            part = slice(start, int(ends[i]))
            take_floats({"rows": np.ascontiguousarray(rows[part])}, "rows", waiting[i].rows)
            take_floats({"y": np.ascontiguousarray(outcomes[part])}, "y", waiting[i].outcomes)
            waiting[i].information = information[i]
            start = part.stop
        self.core.weights.swap(weights)
        self.core.scales.swap(scales)
        self.core.precision.swap(precision)
        self.core.moments.swap(moments)
        self.core.waiting.swap(waiting)
        self.learnable = learnable
        for i in range(c):
            self.core.seen[i] = seen[i]


def weigh_rows(cnp.ndarray rows not None, cnp.ndarray weights not None, cnp.ndarray out not None):
    cdef Py_ssize_t columns = cnp.PyArray_SIZE(weights)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(out)
    check_shape(weights, "weights", columns)
    check_shape(out, "out", n)
    check_shape(rows, "rows", n, columns)
    cdef const float* x = <const float*>data_of(rows, cnp.NPY_FLOAT32, "rows")
    cdef const double* w = <const double*>data_of(weights, cnp.NPY_FLOAT64, "weights")
    cdef float* to = <float*>data_of(out, cnp.NPY_FLOAT32, "out")
    c_weigh_rows(x, w, n, columns, to)


def laplace_step(cnp.ndarray rows not None, cnp.ndarray outcomes not None, double information,
                 double clip, cnp.ndarray active not None, cnp.ndarray signs not None,
                 cnp.ndarray scales not None, cnp.ndarray weights not None,
                 cnp.ndarray precision not None):
    cdef Py_ssize_t n = cnp.PyArray_SIZE(outcomes), columns = cnp.PyArray_SIZE(weights)
    check_shape(outcomes, "outcomes", n)
    check_shape(rows, "rows", n, columns)
    for array, name in ((active, "active"), (signs, "signs"), (scales, "scales"),
                        (weights, "weights")):
        check_shape(array, name, columns)
    check_shape(precision, "precision", columns, columns)
    cdef const float* x = <const float*>data_of(rows, cnp.NPY_FLOAT32, "rows")
    cdef const float* y = <const float*>data_of(outcomes, cnp.NPY_FLOAT32, "outcomes")
    cdef const uint8_t* a = <const uint8_t*>data_of(active, cnp.NPY_UINT8, "active")
    cdef const int8_t* s = <const int8_t*>data_of(signs, cnp.NPY_INT8, "signs")
    cdef const double* sd = <const double*>data_of(scales, cnp.NPY_FLOAT64, "scales")
    cdef double* w = <double*>data_of(weights, cnp.NPY_FLOAT64, "weights")
    cdef double* p = <double*>data_of(precision, cnp.NPY_FLOAT64, "precision")
    check_outcomes(y, n)
    cdef vector[double] scratch
    scratch.resize(laplace_scratch(n, columns))
    cdef Step report
    with nogil:
        report = c_laplace_step(x, y, n, columns, information, clip, a, s, sd, w, p, scratch.data())
    return report.loss, report.moved


def list_derivatives(cnp.ndarray rows not None, cnp.ndarray targets not None,
                     cnp.ndarray offsets not None, cnp.ndarray weight not None,
                     cnp.ndarray w not None, cnp.ndarray gradient, cnp.ndarray curvature):
    cdef Py_ssize_t n = cnp.PyArray_SIZE(targets), columns = cnp.PyArray_SIZE(w)
    cdef Py_ssize_t lists = cnp.PyArray_SIZE(weight), q, longest = 0
    check_shape(targets, "targets", n)
    check_shape(w, "w", columns)
    check_shape(weight, "weight", lists)
    check_shape(offsets, "offsets", lists + 1)
    check_shape(rows, "rows", n, columns)
    cdef const float* x = <const float*>data_of(rows, cnp.NPY_FLOAT32, "rows")
    cdef const float* t = <const float*>data_of(targets, cnp.NPY_FLOAT32, "targets")
    cdef const int64_t* o = <const int64_t*>data_of(offsets, cnp.NPY_INT64, "offsets")
    cdef const double* c = <const double*>data_of(weight, cnp.NPY_FLOAT64, "weight")
    cdef const double* v = <const double*>data_of(w, cnp.NPY_FLOAT64, "w")
    cdef double* g = NULL
    cdef double* h = NULL
    if gradient is not None or curvature is not None:
        check_shape(gradient, "gradient", columns)
        check_shape(curvature, "curvature", columns, columns)
        g = <double*>data_of(gradient, cnp.NPY_FLOAT64, "gradient")
        h = <double*>data_of(curvature, cnp.NPY_FLOAT64, "curvature")
    for q in range(lists):
        if not o[q] < o[q + 1]:
            raise ValueError(f"offsets: list {q} has no rows")
        longest = max(longest, o[q + 1] - o[q])
    if o[0] != 0 or o[lists] != n:
        raise ValueError(f"offsets: expected to run from 0 to {n}, got {o[0]} to {o[lists]}")
    cdef vector[double] scratch
    scratch.resize(longest + 2 * columns)
    cdef double loss
    with nogil:
        loss = c_list_derivatives(x, t, o, c, lists, columns, v, g, h, scratch.data())
    return loss
