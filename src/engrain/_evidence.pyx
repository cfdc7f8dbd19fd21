"""What feedback says of memories, and past questions. Import it from engrain.kernels.ranking."""
from libc.stdint cimport int32_t, int64_t
from libcpp.vector cimport vector

cimport numpy as cnp

import numpy as np

cnp.import_array()
include "_vectors.pxi"

cdef Py_ssize_t RELEASE_GIL_ABOVE = 256  # rows; giving it up and taking it again costs more below
cdef int64_t LARGEST_HANDLE = 2**31 - 1


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
