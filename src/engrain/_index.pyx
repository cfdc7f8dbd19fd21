"""Compiled static retrieval. Import it from engrain.kernels.index."""

from os import fsencode

cimport numpy as cnp
from libc.math cimport fabs, isfinite, sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcpy
from libcpp cimport bool as cbool
from libcpp.algorithm cimport sort, unique
from libcpp.vector cimport vector

from engrain._csrc cimport (
    CIndex,
    CountedIndex,
    CSearch,
    Origin,
    Rows,
    Stems,
    TermCount,
    VectorSum,
    append_terms,
    count_terms,
    hash_text,
    read_stems,
    string_view,
)

from engrain.base.errors import NonFiniteError, ShapeError

cdef extern from "engrain/half.hpp" namespace "engrain" nogil:
    void round_to_half(const float* x, size_t n, float* out)

include "_arrays.pxi"

cnp.import_array()


# In the order of ContextColumn, then of WordColumn.
CONTEXT = (
    "x:winbm", "x:wincos", "x:n-2", "x:n+2", "x:src", "x:men", "x:date", "x:when_time",
    "x:num_digit", "x:sessbm", "x:sessmax", "x:qmark", "x:prevq", "x:prevq_score", "x:pos",
    "x:rare",
)
WORDS = ("x:porter", "x:char4", "x:bigram", "x:rm3", "x:diff", "x:lsa")


cdef bytes encode(text, str name="text"):
    if not isinstance(text, str):
        raise TypeError(f"{name}: expected str, got {type(text).__name__}")
    return (<str>text).lower().encode("utf-8", "surrogatepass")


cdef cnp.ndarray empty(int kind, cnp.npy_intp rows, cnp.npy_intp columns=-1):
    cdef cnp.npy_intp[2] shape
    shape[0], shape[1] = rows, columns
    return cnp.PyArray_EMPTY(1 if columns < 0 else 2, shape, kind, 0)


cdef cnp.ndarray longs(const vector[int64_t]& values):
    cdef cnp.ndarray out = empty(cnp.NPY_INT64, values.size())
    if values.size():
        memcpy(cnp.PyArray_DATA(out), values.data(), values.size() * sizeof(int64_t))
    return out


cdef const float* unit(object vector, size_t dim, str name) except? NULL:
    """Return the data of a unit (or zero) float32 vector of length `dim`."""
    cdef const float* data = f32_vector(vector, dim, name)
    cdef double square = 0
    cdef size_t j
    for j in range(dim):
        square += <double>data[j] * data[j]
    if not isfinite(square):
        raise NonFiniteError(f"{name}: contains NaN or infinity")
    if square != 0 and fabs(square - 1) > 0.02:
        raise ValueError(f"{name}: expected unit length, got {square ** 0.5:.4g}; normalize it first")
    return data


cdef class Block:
    """Rows of gathered memories; see the stub for shapes."""

    cdef readonly object handles, names, x, static, centred, tf, length


cdef class Search:
    """One request and the scores of every member of its scope."""

    cdef CSearch found
    cdef RetrievalIndex index
    cdef readonly tuple vectors
    cdef tuple queries

    def __init__(self):
        raise TypeError("a Search comes from RetrievalIndex.search")

    @property
    def scope(self):
        return self.found.scope

    @property
    def average_length(self):
        return self.found.average_length

    @property
    def bm25_sd(self):
        return self.found.bm25_sd

    @property
    def query(self):
        if self.queries is None:
            self.queries = tuple(self.centred(i) for i in range(len(self.vectors)))
        return self.queries

    @property
    def rounded(self):
        if not self.vectors or not self.found.views[0].asked:
            return None
        cdef cnp.ndarray out = empty(cnp.NPY_FLOAT32, len(self.vectors[0]))
        round_to_half(self.found.views[0].query.data(), cnp.PyArray_DIM(out, 0),
                      <float*>cnp.PyArray_DATA(out))
        return out

    cdef object centred(self, size_t view):
        if not self.found.views[view].asked:
            return None
        cdef size_t dim = len(self.vectors[view])
        cdef cnp.ndarray out = empty(cnp.NPY_FLOAT32, dim)
        memcpy(cnp.PyArray_DATA(out), self.found.views[view].query.data(), dim * sizeof(float))
        return out

    @property
    def terms(self):
        cdef size_t i, n = self.found.terms.size()
        cdef cnp.ndarray out = empty(cnp.NPY_INT32, n)
        cdef int32_t* p = <int32_t*>cnp.PyArray_DATA(out)
        for i in range(n):
            p[i] = self.found.terms[i].term
        return out

    @property
    def counts(self):
        cdef size_t i, n = self.found.terms.size()
        cdef cnp.ndarray out = empty(cnp.NPY_FLOAT32, n)
        cdef float* p = <float*>cnp.PyArray_DATA(out)
        for i in range(n):
            p[i] = self.found.terms[i].count
        return out

    @property
    def idf(self):
        cdef size_t i, n = self.found.sought.terms().size()
        cdef cnp.ndarray out = empty(cnp.NPY_FLOAT32, n)
        cdef float* p = <float*>cnp.PyArray_DATA(out)
        for i in range(n):
            p[i] = self.found.sought.terms()[i].weight
        return out

    def top(self, n=100):
        return longs(self.best(n))

    def candidates(self, n, cnp.ndarray others not None, around=0):
        check_array(others, cnp.NPY_INT64, 1, False, "others")
        cdef Py_ssize_t best = n, more = around
        if best < 0 or more < 0:
            raise ValueError(f"n and around: expected at least 0, got {n} and {around}")
        cdef vector[uint32_t] proposed
        cdef cbool fresh
        with nogil:
            fresh = self.index.index.propose(self.found, best, more, proposed)
        if not fresh:
            raise self.stale()
        cdef const int64_t* p = <const int64_t*>cnp.PyArray_DATA(others)
        cdef vector[int64_t] found
        found.insert(found.end(), proposed.begin(), proposed.end())
        found.insert(found.end(), p, p + cnp.PyArray_DIM(others, 0))
        sort(found.begin(), found.end())
        found.erase(unique(found.begin(), found.end()), found.end())
        return longs(found)

    cdef vector[int64_t] best(self, Py_ssize_t wanted) except *:
        """The best handles, best first."""
        cdef cbool fresh
        if wanted < 0:
            raise ValueError(f"n: expected at least 0, got {wanted}")
        with nogil:
            fresh = self.index.index.rank(self.found, wanted)
        if not fresh:
            raise self.stale()
        cdef const vector[uint32_t]* members = &self.index.index.scope(self.found.scope).members()
        cdef vector[int64_t] out
        cdef size_t i, kept = min(<size_t>wanted, self.found.best.size())
        out.resize(kept)
        for i in range(kept):
            out[i] = members[0][self.found.best[i]]
        return out

    def gather(self, handles, columns=None):
        cdef vector[uint32_t] wanted = self.index.members_of(self.found.scope, handles)
        cdef size_t stride = self.index.index.columns()
        if columns is not None:
            if columns < stride:
                raise ValueError(f"columns: expected at least {stride}, got {columns}")
            stride = columns
        cdef size_t n = wanted.size(), dim = 0
        if self.index.dims:
            dim = self.index.index.views()[0].dim()
        cdef Block block = Block.__new__(Block)
        block.handles = handles
        block.names = self.index.names
        block.x = empty(cnp.NPY_FLOAT32, n, stride)
        block.static = empty(cnp.NPY_FLOAT32, n)
        block.centred = empty(cnp.NPY_FLOAT32, n, dim)
        block.tf = empty(cnp.NPY_FLOAT32, n, self.found.terms.size())
        block.length = empty(cnp.NPY_FLOAT32, n)
        cdef Rows rows
        rows.stride = stride
        rows.x = <float*>cnp.PyArray_DATA(<cnp.ndarray>block.x)
        rows.fixed = <float*>cnp.PyArray_DATA(<cnp.ndarray>block.static)
        rows.centred = <float*>cnp.PyArray_DATA(<cnp.ndarray>block.centred)
        rows.frequency = <float*>cnp.PyArray_DATA(<cnp.ndarray>block.tf)
        rows.length = <float*>cnp.PyArray_DATA(<cnp.ndarray>block.length)
        cdef cbool fresh
        with nogil:
            fresh = self.index.index.gather(self.found, wanted.data(), n, rows)
        if not fresh:
            raise self.stale()
        return block

    cdef stale(self):
        return RuntimeError("the scope has changed since this search; search again")


cdef class RetrievalIndex:
    """Lexical index and vector views over memories named by dense handles."""

    cdef CIndex* index
    cdef readonly tuple dims
    cdef readonly tuple names

    def __cinit__(self, dims=(), folder=None):
        cdef vector[size_t] extents
        for dim in dims:
            if not 0 < dim <= 65536:
                raise ShapeError(f"dims: expected 1 to 65536 dimensions, got {dim}")
            extents.push_back(dim)
        cdef bytes place = b"" if folder is None else fsencode(folder)
        self.index = new CIndex(extents, place)
        self.dims = tuple(dims)
        cosines = ["s:cos"] + [f"s:cos{i}" for i in range(2, len(self.dims) + 1)]
        features = ["s:prf", "s:cov", "s:len", "s:rank", "s:min", "s:prev", "s:next"]
        self.names = ("s:bm25", *cosines, *features, *CONTEXT, *WORDS)

    def __init__(self, dims=(), folder=None):
        pass  # takes the arguments that __cinit__ has used, so that a subclass may pass them on

    def __dealloc__(self):
        del self.index

    def __len__(self):
        return self.index.lexical().live()

    @property
    def handles(self):
        return self.index.handles()

    @property
    def scopes(self):
        return self.index.scopes()

    @property
    def average_length(self):
        return self.index.lexical().average_length()

    cdef vector[const float*] pointers(self, vectors) except *:
        cdef vector[const float*] out
        cdef size_t i
        if len(vectors) != len(self.dims):
            raise ShapeError(f"vectors: expected one per view ({len(self.dims)}), got {len(vectors)}")
        for i in range(len(self.dims)):
            if vectors[i] is None:
                out.push_back(NULL)
            else:
                out.push_back(unit(vectors[i], self.index.views()[i].dim(), f"vectors[{i}]"))
        return out

    cdef uint32_t live(self, handle) except? 0:
        if not 0 <= handle < self.index.handles() or not self.index.holds(handle):
            raise ValueError(f"handle: {handle} is not in this index")
        return handle

    cdef uint32_t known_scope(self, scope) except? 0:
        if not 0 <= scope < self.index.scopes():
            raise ValueError(f"scope: {scope} was not issued by this index")
        return scope

    cdef size_t known_view(self, view) except? 0:
        if not 0 <= view < len(self.dims):
            raise ValueError(f"view: expected 0 to {len(self.dims) - 1}, got {view}")
        return view

    cdef vector[uint32_t] members_of(self, uint32_t scope, handles) except *:
        """Return the handles, all of them members of the scope."""
        cdef vector[uint32_t] out = self.handles_of(handles)
        cdef int64_t foreign = self.index.foreign(scope, out.data(), out.size())
        if foreign >= 0:
            raise ValueError(f"handles: {out[foreign]} is not in scope {scope}")
        return out

    cdef vector[uint32_t] handles_of(self, handles) except *:
        check_array(handles, cnp.NPY_INT64, 1, False, "handles")
        cdef cnp.ndarray array = handles
        cdef const int64_t* p = <const int64_t*>cnp.PyArray_DATA(array)
        cdef size_t i, n = cnp.PyArray_DIM(array, 0)
        cdef vector[uint32_t] out
        out.resize(n)
        for i in range(n):
            if not 0 <= p[i] < <int64_t>self.index.handles():
                raise ValueError(f"handles: {p[i]} is not in this index")
            out[i] = p[i]
        return out

    def add(self, handle, text, vectors, sequence=-1, source=None, time=None):
        if not self.index.handles() <= handle < 0xFFFFFFFF:
            raise ValueError(
                f"handle: expected {self.index.handles()} or above (handles ascend), got {handle}"
            )
        cdef bytes raw = encode(text)
        cdef vector[const float*] pointers = self.pointers(vectors)
        cdef bytes name = b"" if source is None else encode(source, "source")
        cdef Origin origin
        origin.sequence = sequence
        origin.source = string_view(name, len(name))
        if time is not None:
            origin.time = time
        self.index.add(handle, raw, len(raw), pointers.data(), origin)

    def remove(self, handle):
        self.index.remove(self.live(handle))

    def move(self, handle, view, vector):
        cdef size_t at = self.known_view(view)
        cdef const float* data = unit(vector, self.index.views()[at].dim(), "vector")
        self.index.move(self.live(handle), at, data)

    def vector(self, handle, view=0):
        return self.copy_vector(handle, view, False)

    def base_vector(self, handle, view=0):
        return self.copy_vector(handle, view, True)

    cdef copy_vector(self, handle, view, bint base):
        cdef uint32_t at = self.live(handle)
        cdef size_t v = self.known_view(view), dim = self.index.views()[v].dim()
        cdef cnp.ndarray out = empty(cnp.NPY_FLOAT32, dim)
        cdef const float* row = (
            self.index.views()[v].base(at) if base else self.index.views()[v].row(at)
        )
        memcpy(cnp.PyArray_DATA(out), row, dim * sizeof(float))
        return out

    def replace_view(self, view, vectors):
        cdef size_t at = self.known_view(view)
        check_array(vectors, cnp.NPY_FLOAT32, 2, False, "vectors")
        check_extent(vectors, 0, self.index.handles(), "vectors")
        if not 0 < vectors.shape[1] <= 65536:
            raise ShapeError(f"vectors: expected 1 to 65536 dimensions, got {vectors.shape[1]}")
        cdef size_t i, dim = vectors.shape[1]
        for i in range(len(vectors)):
            unit(vectors[i], dim, f"vectors[{i}]")
        self.index.replace_view(at, <const float*>cnp.PyArray_DATA(<cnp.ndarray>vectors), dim)
        self.dims = self.dims[:at] + (dim,) + self.dims[at + 1:]

    def stem_counts(self):
        cdef const CountedIndex* stems = &self.index.stems()
        cdef size_t n = self.index.lexical().live(), i = 0, j
        cdef uint32_t handle
        cdef cnp.ndarray starts = empty(cnp.NPY_INT64, n + 1)
        cdef int64_t* start = <int64_t*>cnp.PyArray_DATA(starts)
        cdef vector[TermCount] own, all
        start[0] = 0
        for handle in range(self.index.handles()):
            if self.index.holds(handle):
                own = stems.counts(handle)
                all.insert(all.end(), own.begin(), own.end())
                i += 1
                start[i] = all.size()
        cdef cnp.ndarray terms = empty(cnp.NPY_INT32, all.size())
        cdef cnp.ndarray counts = empty(cnp.NPY_FLOAT32, all.size())
        cdef int32_t* term = <int32_t*>cnp.PyArray_DATA(terms)
        cdef float* count = <float*>cnp.PyArray_DATA(counts)
        for j in range(all.size()):
            term[j], count[j] = all[j].term, all[j].count
        return starts, terms, counts

    def learn_latent(self, terms, idf, basis):
        check_array(terms, cnp.NPY_INT32, 1, False, "terms")
        check_array(idf, cnp.NPY_FLOAT32, 1, False, "idf")
        check_array(basis, cnp.NPY_FLOAT32, 2, False, "basis")
        check_extent(idf, 0, len(terms), "idf")
        check_extent(basis, 0, len(terms), "basis")
        self.index.learn_latent(
            <const int32_t*>cnp.PyArray_DATA(<cnp.ndarray>terms),
            <const float*>cnp.PyArray_DATA(<cnp.ndarray>idf),
            <const float*>cnp.PyArray_DATA(<cnp.ndarray>basis), len(terms), basis.shape[1],
        )

    def scope(self, handles):
        if handles is None:
            return 0
        cdef vector[uint32_t] members = self.handles_of(handles)
        cdef size_t i
        for i in range(members.size()):
            self.live(members[i])
        cdef uint32_t scope = self.index.add_scope()
        for i in range(members.size()):
            self.index.insert(scope, members[i])
        return scope

    def extend(self, scope, handle):
        self.index.insert(self.known_scope(scope), self.live(handle))

    def clear(self, scope):
        if self.known_scope(scope) == 0:
            raise ValueError("scope: 0 holds all memories and cannot be cleared")
        self.index.clear_scope(scope)

    def members(self, scope):
        cdef const vector[uint32_t]* members = &self.index.scope(self.known_scope(scope)).members()
        cdef cnp.ndarray out = empty(cnp.NPY_INT64, members.size())
        cdef int64_t* p = <int64_t*>cnp.PyArray_DATA(out)
        cdef size_t i
        for i in range(members.size()):
            p[i] = members[0][i]
        return out

    def search(self, text, vectors, scope=0):
        cdef bytes raw = encode(text)
        cdef vector[const float*] pointers = self.pointers(vectors)
        cdef uint32_t within = self.known_scope(scope)
        cdef Search search = Search.__new__(Search)
        search.index, search.vectors = self, tuple(vectors)
        cdef const char* data = raw
        cdef size_t size = len(raw)
        with nogil:
            self.index.search(data, size, pointers.data(), within, search.found)
        return search

    def observe_query(self, scope, vectors):
        cdef vector[const float*] pointers = self.pointers(vectors)
        self.index.observe(self.known_scope(scope), pointers.data())

    def centred(self, scope, handles):
        cdef uint32_t within = self.known_scope(scope)
        cdef vector[uint32_t] wanted = self.handles_of(handles)
        cdef cnp.ndarray out = empty(cnp.NPY_FLOAT32, wanted.size(), self.dims[0] if self.dims else 0)
        if self.dims:
            self.index.centred(within, wanted.data(), wanted.size(), <float*>cnp.PyArray_DATA(out))
        return out

    def query_sum(self, scope, view):
        cdef VectorSum* queries = self.queries(scope, view)
        cdef size_t dim = queries.sum().size()
        cdef cnp.ndarray out = empty(cnp.NPY_INT64, dim)
        memcpy(cnp.PyArray_DATA(out), queries.sum().data(), dim * sizeof(int64_t))
        return queries.count(), out

    def set_query_sum(self, scope, view, count, total):
        cdef VectorSum* queries = self.queries(scope, view)
        cdef size_t dim = queries.sum().size()
        check_array(total, cnp.NPY_INT64, 1, False, "total")
        check_extent(total, 0, dim, "total")
        if count < 0:
            raise ValueError(f"count: expected at least 0, got {count}")
        memcpy(queries.sum().data(), cnp.PyArray_DATA(<cnp.ndarray>total), dim * sizeof(int64_t))
        queries.set_count(count)

    cdef VectorSum* queries(self, scope, view) except NULL:
        return &self.index.scope(self.known_scope(scope)).view(self.known_view(view)).queries

    def idf(self, terms):
        check_array(terms, cnp.NPY_INT32, 1, False, "terms")
        cdef cnp.ndarray out = empty(cnp.NPY_FLOAT32, len(terms))
        cdef float* p = <float*>cnp.PyArray_DATA(out)
        cdef Py_ssize_t i
        for i in range(len(terms)):
            p[i] = self.index.lexical().idf(terms[i])
        return out


def unit_of(vector):
    cdef Py_ssize_t j, n = len(vector)
    cdef const float* x = f32_vector(vector, n, "vector")
    cdef double square = 0
    for j in range(n):
        square += <double>x[j] * x[j]
    if not isfinite(square):
        raise NonFiniteError("vector: contains NaN or infinity; clean the input before passing it")
    if square == 0:
        return None
    cdef float length = sqrt(square)
    cdef cnp.ndarray out = empty(cnp.NPY_FLOAT32, n)
    cdef float* to = <float*>cnp.PyArray_DATA(out)
    for j in range(n):
        to[j] = x[j] / length
    return out


def count_accesses(accesses, accessed, handles, double now):
    check_array(accesses, cnp.NPY_INT64, 1, True, "accesses")
    check_array(accessed, cnp.NPY_FLOAT64, 1, True, "accessed")
    cdef const int64_t* at = <const int64_t*>i64_vector(handles, "handles")
    cdef int64_t* count = <int64_t*>cnp.PyArray_DATA(<cnp.ndarray>accesses)
    cdef double* last = <double*>cnp.PyArray_DATA(<cnp.ndarray>accessed)
    cdef Py_ssize_t i, n = len(handles), held = min(len(accesses), len(accessed))
    for i in range(n):
        if not 0 <= at[i] < held:
            raise ValueError(f"handles: expected 0 to {held - 1}, got {at[i]}")
    for i in range(n):
        count[at[i]] += 1
        last[at[i]] = now


def terms_of(text):
    cdef bytes raw = encode(text)
    cdef vector[int32_t] terms
    append_terms(raw, len(raw), terms)
    return as_array(terms)


def count_terms_of(text):
    cdef bytes raw = encode(text)
    cdef vector[int32_t] terms
    append_terms(raw, len(raw), terms)
    cdef vector[TermCount] counted = count_terms(terms)
    cdef cnp.ndarray ids = empty(cnp.NPY_INT32, counted.size())
    cdef cnp.ndarray counts = empty(cnp.NPY_FLOAT32, counted.size())
    cdef int32_t* t = <int32_t*>cnp.PyArray_DATA(ids)
    cdef float* c = <float*>cnp.PyArray_DATA(counts)
    cdef size_t i
    for i in range(counted.size()):
        t[i], c[i] = counted[i].term, counted[i].count
    return ids, counts


cdef cnp.ndarray as_array(const vector[int32_t]& terms):
    cdef cnp.ndarray out = empty(cnp.NPY_INT32, terms.size())
    if terms.size():
        memcpy(cnp.PyArray_DATA(out), terms.data(), terms.size() * sizeof(int32_t))
    return out


def stems_of(text):
    cdef bytes raw = encode(text)
    cdef Stems read = read_stems(raw, len(raw))
    return as_array(read.stems), as_array(read.grams), as_array(read.pairs)


def hash_texts(texts, dim):
    if dim < 1:
        raise ShapeError(f"dim: expected at least 1, got {dim}")
    cdef cnp.ndarray out = empty(cnp.NPY_FLOAT32, len(texts), dim)
    out[...] = 0
    cdef float* row = <float*>cnp.PyArray_DATA(out)
    cdef size_t width = dim
    for text in texts:
        raw = encode(text)
        hash_text(raw, len(raw), width, row)
        row += width
    return out
