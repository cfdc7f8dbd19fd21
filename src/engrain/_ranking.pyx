"""State of the ranking: evidence, weight steps, ledger. Import from engrain.kernels."""
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

cimport numpy as cnp

import numpy as np

from engrain._csrc cimport all_finite

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError

cnp.import_array()


cdef extern from "engrain/transcendental.hpp" namespace "engrain" nogil:
    double c_log "engrain::log"(double x)

cdef Py_ssize_t RELEASE_GIL_ABOVE = 256  # rows; giving it up and taking it again costs more below

SEQUENCE_FIELDS = 6
LEDGER_MEASURES = 3
cdef int64_t LARGEST_HANDLE = 2**31 - 1

cdef object dtype_names = {
    cnp.NPY_FLOAT32: "float32", cnp.NPY_FLOAT64: "float64", cnp.NPY_INT32: "int32",
    cnp.NPY_INT64: "int64", cnp.NPY_UINT8: "uint8", cnp.NPY_INT8: "int8",
}


cdef void* data_of(cnp.ndarray array, int type_num, str name) except? NULL:
    """Return the data of a C-contiguous array of exactly this dtype."""
    if cnp.PyArray_TYPE(array) != type_num or not cnp.PyArray_IS_C_CONTIGUOUS(array):
        raise TypeError(
            f"{name}: expected a C-contiguous array of {dtype_names[type_num]}, got {array.dtype}"
            f" with strides {(<object>array).strides}; convert it with np.ascontiguousarray"
        )
    return cnp.PyArray_DATA(array)


cdef int check_shape(cnp.ndarray array, str name, Py_ssize_t rows, Py_ssize_t columns=-1) except -1:
    """Check for shape (rows,) or (rows, columns)."""
    cdef int wanted = 1 if columns < 0 else 2
    if cnp.PyArray_NDIM(array) != wanted or cnp.PyArray_DIM(array, 0) != rows or (
            columns >= 0 and cnp.PyArray_DIM(array, 1) != columns):
        shape = f"({rows},)" if columns < 0 else f"({rows}, {columns})"
        raise ValueError(f"{name}: expected shape {shape}, got {(<object>array).shape}")
    return 0


cdef TermView terms_of(cnp.ndarray terms, cnp.ndarray counts, cnp.ndarray idf) except *:
    """View the terms of a question."""
    cdef TermView view
    cdef Py_ssize_t n = cnp.PyArray_SIZE(terms)
    check_shape(terms, "terms", n)
    check_shape(counts, "counts", n)
    check_shape(idf, "idf", n)
    view.ids = <const int32_t*>data_of(terms, cnp.NPY_INT32, "terms")
    view.counts = <const float*>data_of(counts, cnp.NPY_FLOAT32, "counts")
    view.idf = <const float*>data_of(idf, cnp.NPY_FLOAT32, "idf")
    view.n = n
    return view


cdef class Similar:
    """How one question resembles the past ones of its scope; made by `EvidenceState.similarity`.

    It is valid until the evidence changes.
    """

    def kernel(self):
        """Return K of each past question of the scope by place in the ring, 0 elsewhere."""
        return floats(self.value.kernel)


cdef cnp.ndarray floats(const vector[float]& values):
    cdef cnp.ndarray out = np.empty(values.size(), dtype=np.float32)
    cdef size_t i
    for i in range(values.size()):
        (<float*>cnp.PyArray_DATA(out))[i] = values[i]
    return out


cdef cnp.ndarray doubles(const vector[double]& values):
    cdef cnp.ndarray out = np.empty(values.size(), dtype=np.float64)
    if values.size():
        memcpy(cnp.PyArray_DATA(out), values.data(), values.size() * sizeof(double))
    return out


cdef cnp.ndarray longs(const vector[int64_t]& values):
    cdef cnp.ndarray out = np.empty(values.size(), dtype=np.int64)
    cdef size_t i
    for i in range(values.size()):
        (<int64_t*>cnp.PyArray_DATA(out))[i] = values[i]
    return out


cdef cnp.ndarray ints(const vector[int32_t]& values):
    cdef cnp.ndarray out = np.empty(values.size(), dtype=np.int32)
    cdef size_t i
    for i in range(values.size()):
        (<int32_t*>cnp.PyArray_DATA(out))[i] = values[i]
    return out


cdef int take_floats(object state, str name, vector[float]& out) except -1:
    cdef cnp.ndarray array = state[name]
    cdef float* data = <float*>data_of(array, cnp.NPY_FLOAT32, name)
    out.assign(data, data + cnp.PyArray_SIZE(array))
    return 0


cdef int take_longs(object state, str name, vector[int64_t]& out) except -1:
    cdef cnp.ndarray array = state[name]
    cdef int64_t* data = <int64_t*>data_of(array, cnp.NPY_INT64, name)
    out.assign(data, data + cnp.PyArray_SIZE(array))
    return 0


cdef int take_ints(object state, str name, vector[int32_t]& out) except -1:
    cdef cnp.ndarray array = state[name]
    cdef int32_t* data = <int32_t*>data_of(array, cnp.NPY_INT32, name)
    out.assign(data, data + cnp.PyArray_SIZE(array))
    return 0


cdef class EvidenceState:
    """Sums per rewarded memory and a ring of past questions; see `engrain.memory.evidence`."""

    def __cinit__(self, Py_ssize_t dim, *, Py_ssize_t questions=4096):
        if dim < 0:
            raise ValueError(f"dim: expected at least 0, got {dim}")
        if questions < 1:
            raise ValueError(f"questions: expected at least 1, got {questions}")
        self.core = new CEvidence(dim, questions)
        self.dim, self.questions, self.version = dim, questions, 0

    def __dealloc__(self):
        del self.core

    cdef const float* vector_of(self, cnp.ndarray query) except? NULL:
        if query is None:
            return NULL
        check_shape(query, "query", self.dim)
        return <const float*>data_of(query, cnp.NPY_FLOAT32, "query")

    def similarity(self, int64_t scope, cnp.ndarray query, cnp.ndarray terms not None,
                   cnp.ndarray counts not None, cnp.ndarray idf not None, int64_t exclude=-1):
        cdef TermView view = terms_of(terms, counts, idf)
        cdef const float* q = self.vector_of(query)
        cdef Similar out = Similar.__new__(Similar)
        out.owner, out.version = self, self.version
        with nogil:
            self.core.similarity(scope, q, view, exclude, out.value)
        return out

    cdef int check_fresh(self, Similar similar) except -1:
        if similar.owner is not self or similar.version != self.version:
            raise ValueError(
                "similar: the evidence has changed since, or it belongs to other evidence; call "
                "similarity() again"
            )
        return 0

    def propose(self, Similar similar not None, Py_ssize_t k=20):
        self.check_fresh(similar)
        if k < 0:
            raise ValueError(f"k: expected at least 0, got {k}")
        return longs(self.core.propose(similar.value, k))

    def features(self, Similar similar not None, cnp.ndarray terms not None,
                 cnp.ndarray counts not None, cnp.ndarray idf not None, double average_length,
                 double bm25_sd, cnp.ndarray handles not None, cnp.ndarray static not None,
                 cnp.ndarray centred, cnp.ndarray tf not None, cnp.ndarray length not None,
                 int64_t exclude=-1, cnp.ndarray out=None, Py_ssize_t first=0):
        cdef TermView view = terms_of(terms, counts, idf)
        cdef CandidateView block
        cdef Py_ssize_t n = cnp.PyArray_SIZE(handles)
        self.check_fresh(similar)
        if exclude != similar.value.excluded:
            raise ValueError(
                f"exclude: {exclude} differs from {similar.value.excluded}, which similarity() "
                "left out; pass the same to both"
            )
        if not (average_length > 0 and bm25_sd > 0):
            raise ValueError(
                "average_length and bm25_sd: expected numbers above 0, got "
                f"{average_length} and {bm25_sd}"
            )
        check_shape(handles, "handles", n)
        check_shape(static, "static", n)
        check_shape(length, "length", n)
        check_shape(tf, "tf", n, view.n)
        block.n = n
        block.handles = <const int64_t*>data_of(handles, cnp.NPY_INT64, "handles")
        block.statics = <const float*>data_of(static, cnp.NPY_FLOAT32, "static")
        block.tf = <const float*>data_of(tf, cnp.NPY_FLOAT32, "tf")
        block.length = <const float*>data_of(length, cnp.NPY_FLOAT32, "length")
        block.centred = NULL
        if centred is not None:
            check_shape(centred, "centred", n, self.dim)
            block.centred = <const float*>data_of(centred, cnp.NPY_FLOAT32, "centred")
        if out is None:
            out = np.empty((n, first + evidence_columns), dtype=np.float32)
        cdef Py_ssize_t stride = cnp.PyArray_DIM(out, 1) if cnp.PyArray_NDIM(out) == 2 else -1
        check_shape(out, "out", n, stride)
        if not 0 <= first <= stride - <Py_ssize_t>evidence_columns:
            raise ValueError(f"first: {evidence_columns} columns from {first} on do not fit {stride}")
        cdef float* to = <float*>data_of(out, cnp.NPY_FLOAT32, "out") + first
        cdef float average = average_length, sd = bm25_sd
        if n < RELEASE_GIL_ABOVE:
            self.core.features(similar.value, block, view, average, sd, to, stride)
        else:
            with nogil:
                self.core.features(similar.value, block, view, average, sd, to, stride)
        return out

    def add(self, int64_t scope, cnp.ndarray query, cnp.ndarray terms not None,
            cnp.ndarray counts not None, cnp.ndarray handles not None,
            cnp.ndarray masses not None, cnp.ndarray centred, cnp.ndarray idf not None,
            cnp.ndarray passed=None):
        cdef TermView view = terms_of(terms, counts, idf)
        cdef const float* q = self.vector_of(query)
        cdef vector[Use] used = self.uses_of(handles, masses)
        cdef vector[int64_t] passed_over = self.passed_of(passed)
        cdef vector[const float*] vectors
        cdef const float* first
        cdef int64_t number
        cdef size_t i
        if centred is not None:
            check_shape(centred, "centred", used.size(), self.dim)
            first = <const float*>data_of(centred, cnp.NPY_FLOAT32, "centred")
            for i in range(used.size()):
                vectors.push_back(first + i * self.dim)
        with nogil:
            number = self.core.add(scope, q, view, used, passed_over, vectors.data())
        self.version += 1
        return number

    cdef vector[Use] uses_of(self, cnp.ndarray handles, cnp.ndarray masses) except *:
        """Check and quantise what a question used."""
        cdef vector[Use] used
        cdef Use use
        cdef size_t i, j, n = cnp.PyArray_SIZE(handles)
        check_shape(handles, "handles", n)
        check_shape(masses, "masses", n)
        cdef int64_t* handle = <int64_t*>data_of(handles, cnp.NPY_INT64, "handles")
        cdef float* mass = <float*>data_of(masses, cnp.NPY_FLOAT32, "masses")
        for i in range(n):
            if not 0 <= handle[i] <= LARGEST_HANDLE:
                raise ValueError(f"handles: expected 0 to 2**31 - 1, got {handle[i]}")
            if not 0 < mass[i] <= 1:
                raise ValueError(f"masses: expected above 0 and at most 1, got {mass[i]}")
            for j in range(i):
                if handle[j] == handle[i]:
                    raise ValueError(f"handles: {handle[i]} stands there twice; add its masses")
            use.handle = handle[i]
            use.mass = max(<int64_t>1, to_fixed(mass[i]))
            used.push_back(use)
        return used

    cdef vector[int64_t] passed_of(self, cnp.ndarray passed) except *:
        """Check what a question passed over."""
        cdef vector[int64_t] out
        cdef size_t i, n = 0 if passed is None else cnp.PyArray_SIZE(passed)
        cdef const int64_t* handle
        if n:
            check_shape(passed, "passed", n)
            handle = <const int64_t*>data_of(passed, cnp.NPY_INT64, "passed")
            for i in range(n):
                if not 0 <= handle[i] <= LARGEST_HANDLE:
                    raise ValueError(f"passed: expected 0 to 2**31 - 1, got {handle[i]}")
                out.push_back(handle[i])
        return out

    def remove(self, int64_t question):
        from engrain.base.errors import UnknownIdError

        if not self.core.remove(question):
            raise UnknownIdError(question, "the ring of past questions")
        self.version += 1

    def forget(self, int64_t handle):
        self.core.forget(handle)
        self.version += 1

    def mass(self, int64_t handle):
        return self.core.mass_of(handle)

    def __contains__(self, int64_t question):
        return self.core.holds(question)

    def set_ridge(self, cnp.ndarray w):
        cdef const float* data = NULL
        if w is not None:
            check_shape(w, "w", self.dim, self.dim)
            data = <const float*>data_of(w, cnp.NPY_FLOAT32, "w")
        self.core.set_ridge(data)
        self.version += 1

    def set_leverage(self, cnp.ndarray by_place not None):
        cdef float* data = <float*>data_of(by_place, cnp.NPY_FLOAT32, "by_place")
        cdef vector[float] values
        values.assign(data, data + cnp.PyArray_SIZE(by_place))
        self.core.set_leverage(values)
        self.version += 1

    def pairs(self):
        cdef CPairs p = self.core.pairs()
        shape = (p.number.size(), self.dim)
        return (longs(p.number), np.array(p.mass, dtype=np.float64),
                floats(p.vectors).reshape(shape), floats(p.target).reshape(shape))

    @property
    def ridge(self):
        cdef cnp.ndarray w = floats(self.core.ridge())
        return w.reshape(self.dim, self.dim) if w.size else None

    def state(self):
        cdef CState s = self.core.save()
        return {
            "next": np.array([s.next], dtype=np.int64), "number": longs(s.number),
            "scope": longs(s.scope), "flags": longs(s.flags), "term_end": longs(s.term_end),
            "use_end": longs(s.use_end), "use_handle": longs(s.use_handle),
            "use_mass": longs(s.use_mass), "passed_end": longs(s.passed_end),
            "passed": longs(s.passed), "term": ints(s.term), "count": floats(s.count),
            "weight": floats(s.weight), "vector": floats(s.vectors).reshape(-1, self.dim),
            "target": floats(s.target).reshape(-1, self.dim), "handle": longs(s.handle),
            "mass": longs(s.mass), "length": longs(s.length),
            "sum": longs(s.sum).reshape(-1, self.dim), "count_end": longs(s.count_end),
            "count_term": ints(s.count_term), "count_value": longs(s.count_value),
            "ridge": floats(s.ridge).reshape(-1, self.dim),
        }

    def load(self, state):
        cdef CState s
        s.next = int(state["next"][0])
        take_longs(state, "number", s.number)
        take_longs(state, "scope", s.scope)
        take_longs(state, "flags", s.flags)
        take_longs(state, "term_end", s.term_end)
        take_longs(state, "use_end", s.use_end)
        take_longs(state, "use_handle", s.use_handle)
        take_longs(state, "use_mass", s.use_mass)
        take_longs(state, "passed_end", s.passed_end)
        take_longs(state, "passed", s.passed)
        take_ints(state, "term", s.term)
        take_floats(state, "count", s.count)
        take_floats(state, "weight", s.weight)
        take_floats(state, "vector", s.vectors)
        take_floats(state, "target", s.target)
        take_longs(state, "handle", s.handle)
        take_longs(state, "mass", s.mass)
        take_longs(state, "length", s.length)
        take_longs(state, "sum", s.sum)
        take_longs(state, "count_end", s.count_end)
        take_ints(state, "count_term", s.count_term)
        take_longs(state, "count_value", s.count_value)
        take_floats(state, "ridge", s.ridge)
        self.check_state(state)
        self.core.load(s)
        self.version += 1

    def check_state(self, state):
        """Refuse arrays that do not fit together, before anything changes."""
        m, k = len(state["number"]), len(state["handle"])
        ends = {"term_end": ("term", m), "use_end": ("use_handle", m), "passed_end": ("passed", m),
                "count_end": ("count_term", k)}
        fits = all(
            len(state[end]) == n and (np.diff(state[end], prepend=0) >= 0).all()
            and (state[end][n - 1] if n else 0) == len(state[items])
            for end, (items, n) in ends.items()
        )
        fits = fits and len(state["count"]) == len(state["weight"]) == len(state["term"])
        fits = fits and len(state["use_mass"]) == len(state["use_handle"])
        fits = fits and len(state["count_value"]) == len(state["count_term"])
        fits = fits and len(state["scope"]) == len(state["flags"]) == m
        fits = fits and len(state["mass"]) == len(state["length"]) == k
        fits = fits and state["vector"].shape == state["target"].shape == (m, self.dim)
        fits = fits and state["sum"].shape == (k, self.dim)
        fits = fits and state["ridge"].shape in ((0, self.dim), (self.dim, self.dim))
        next_number = int(state["next"][0])
        oldest = max(0, next_number - self.questions)
        fits = fits and bool(((state["number"] >= oldest) & (state["number"] < next_number)).all())
        fits = fits and bool(((state["handle"] >= 0) & (state["handle"] <= LARGEST_HANDLE)).all())
        fits = fits and bool(np.isin(state["use_handle"], state["handle"]).all())
        if not fits:
            raise ValueError(
                "state: the arrays do not fit together, or belong to evidence of another dim or "
                "number of questions; load a state saved with the same settings"
            )


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


def ledger_shape(columns):
    return (3, LEDGER_MEASURES, SEQUENCE_FIELDS, ledger_lines(columns))


cdef class LedgerState:
    """The running lifts of the ledger; see `engrain.memory.ledger`."""

    def __init__(self, evidence, alpha=0.05):
        if not 0 < alpha < 1:
            raise ConfigError(f"alpha: must be in (0, 1), got {alpha}")
        self.alpha = alpha
        self.take_columns(evidence, None)

    def take_columns(self, evidence, sequences):
        """Take other columns, and their sums as `sequences` gives them; without, they begin."""
        cdef Py_ssize_t j, columns = len(evidence)
        shape = ledger_shape(columns)
        if sequences is None:
            sequences = np.zeros(shape)
        if sequences.shape != shape:
            raise ShapeError(f"state has shape {sequences.shape}, this ledger {shape}")
        cdef cnp.ndarray sums = np.ascontiguousarray(sequences, dtype=np.float64)
        cdef const double* p = <const double*>cnp.PyArray_DATA(sums)
        self.columns = columns
        self.evidence_.resize(columns)
        for j in range(columns):
            self.evidence_[j] = bool(evidence[j])
        self.sequences_.assign(p, p + cnp.PyArray_SIZE(sums))

    @property
    def evidence(self):
        return np.array(self.evidence_, dtype=np.uint8)

    @property
    def sequences(self):
        """Sums, shape (parts, measures, fields, lines): a line per column, then without all
        evidence, then by static weights, then what fills up registers."""
        return doubles(self.sequences_).reshape(ledger_shape(self.columns))

    def add(self, cnp.ndarray rows not None, cnp.ndarray outcomes not None,
            cnp.ndarray weights not None, cnp.ndarray static_weights not None, bint overlap,
            cnp.ndarray runners=None):
        """Add one list; nothing where its outcomes sum to 0."""
        cdef Py_ssize_t n = cnp.PyArray_SIZE(outcomes), m = 0
        cdef const float* z = runners_of(runners, self.columns, &m)
        check_shape(outcomes, "outcomes", n)
        check_shape(rows, "rows", n, self.columns)
        check_shape(weights, "weights", self.columns)
        check_shape(static_weights, "static_weights", self.columns)
        cdef const float* x = <const float*>data_of(rows, cnp.NPY_FLOAT32, "rows")
        cdef const float* y = <const float*>data_of(outcomes, cnp.NPY_FLOAT32, "outcomes")
        cdef const double* w = <const double*>data_of(weights, cnp.NPY_FLOAT64, "weights")
        cdef const double* v = <const double*>data_of(
            static_weights, cnp.NPY_FLOAT64, "static_weights")
        if not (<object>outcomes).any():
            return
        check_outcomes(y, n)
        self.reserve(n + m)
        with nogil:
            self.settle(x, y, n, z, m, w, v, overlap)

    def state(self):
        """Return the sums as named arrays."""
        return {"sequences": self.sequences, "columns": np.array([self.columns], np.int64)}

    def load(self, state):
        """Take over a state returned by `state`.

        Raises
        ------
        ShapeError
            The state belongs to another number of columns.
        """
        if state["columns"].tolist() != [self.columns]:
            raise ShapeError(
                f"state has {state['columns'].tolist()} columns, this ledger {self.columns}"
            )
        self.take_columns(self.evidence, state["sequences"])

    cdef int reserve(self, Py_ssize_t n) except -1:
        cdef size_t wanted = ledger_scratch(n, self.columns)
        if self.scratch.size() < wanted:
            self.scratch.resize(wanted)
        return 0

    cdef void settle(self, const float* rows, const float* outcomes, Py_ssize_t n,
                     const float* runners, Py_ssize_t m, const double* weights,
                     const double* static_weights, bint overlap) noexcept nogil:
        c_ledger_update(rows, outcomes, n, runners, m, self.columns, weights, static_weights,
                        self.evidence_.data(), 1 if overlap else 2, self.alpha,
                        self.sequences_.data(), self.scratch.data())


cdef const float* runners_of(cnp.ndarray runners, Py_ssize_t columns, Py_ssize_t* m) except? NULL:
    """Return the rows of the runners-up and their number, which is 0 without any."""
    if runners is None:
        return NULL
    m[0] = len(runners)
    check_shape(runners, "runners", m[0], columns)
    return <const float*>data_of(runners, cnp.NPY_FLOAT32, "runners")


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


cdef int check_outcomes(const float* outcomes, Py_ssize_t n) except -1:
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(n):
        if not 0 <= outcomes[i] <= 1:
            raise ValueError(f"outcomes: expected numbers in [0, 1], got {outcomes[i]}")
        total += outcomes[i]
    if total <= 0:
        raise ValueError("outcomes: expected at least one above 0")
    return 0


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


def ledger_update(cnp.ndarray rows not None, cnp.ndarray outcomes not None,
                  cnp.ndarray weights not None, cnp.ndarray static_weights not None,
                  cnp.ndarray evidence not None, int part, double alpha,
                  cnp.ndarray sequences not None, cnp.ndarray runners=None):
    cdef Py_ssize_t n = cnp.PyArray_SIZE(outcomes), columns = cnp.PyArray_SIZE(weights), m = 0
    cdef const float* z = runners_of(runners, columns, &m)
    check_shape(outcomes, "outcomes", n)
    check_shape(rows, "rows", n, columns)
    check_shape(weights, "weights", columns)
    check_shape(static_weights, "static_weights", columns)
    check_shape(evidence, "evidence", columns)
    if (<object>sequences).shape != ledger_shape(columns):
        raise ValueError(f"sequences: expected shape {ledger_shape(columns)}")
    if part not in (1, 2):
        raise ValueError(f"part: expected 1 (overlap) or 2 (no overlap), got {part}")
    cdef const float* x = <const float*>data_of(rows, cnp.NPY_FLOAT32, "rows")
    cdef const float* y = <const float*>data_of(outcomes, cnp.NPY_FLOAT32, "outcomes")
    cdef const double* w = <const double*>data_of(weights, cnp.NPY_FLOAT64, "weights")
    cdef const double* v = <const double*>data_of(static_weights, cnp.NPY_FLOAT64, "static_weights")
    cdef const uint8_t* e = <const uint8_t*>data_of(evidence, cnp.NPY_UINT8, "evidence")
    cdef double* to = <double*>data_of(sequences, cnp.NPY_FLOAT64, "sequences")
    check_outcomes(y, n)
    cdef vector[double] scratch
    scratch.resize(ledger_scratch(n + m, columns))
    with nogil:
        c_ledger_update(x, y, n, z, m, columns, w, v, e, part, alpha, to, scratch.data())


def observe(cnp.ndarray sequence not None, double x, double alpha):
    check_shape(sequence, "sequence", SEQUENCE_FIELDS)
    if not 0 <= x <= 1:
        raise ValueError(f"x: expected a number in [0, 1], got {x}")
    cdef Sequence* to = <Sequence*>data_of(sequence, cnp.NPY_FLOAT64, "sequence")
    c_observe(to[0], x, c_log(2 / alpha), c_log(2 + to.n))


def sequence_bounds(cnp.ndarray sequence not None, double alpha):
    check_shape(sequence, "sequence", SEQUENCE_FIELDS)
    cdef Sequence* at = <Sequence*>data_of(sequence, cnp.NPY_FLOAT64, "sequence")
    cdef Bounds bounds = bounds_of(at[0], alpha)
    return bounds.lower, bounds.upper
