# distutils: language = c++
"""The whole learning step of one request in one call; import it from engrain.kernels."""
import cython
import numpy as np

cimport numpy as cnp
from libc.math cimport NAN, fabs
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t
from libcpp.mutex cimport mutex
from libcpp.vector cimport vector

from engrain._buffers cimport SignalQueue, TrajectoryBuffer
from engrain._core cimport Modulators, TraceTable, ValueTable
from engrain._csrc cimport (
    Aspect,
    Signal,
    TrajectoryFacts,
    approach_edges,
    approach_values,
    combine_rows,
    forget_traces,
    forget_values,
    learn_table,
    modulate_outcome,
    modulate_query,
    observe_novelty,
    prefetch,
    prefetch_apart,
    read_table,
    remove_node,
    survey_rows,
    touch_table,
    turn_rows,
    update_edges,
    update_lora,
)
from engrain._graph cimport EdgeTable
from engrain._lora cimport MicroLoRA
from engrain._ranking cimport (
    EvidenceState,
    LedgerState,
    RankerState,
    TermView,
    Use,
    terms_of,
    to_fixed,
)

from engrain._buffers import SignalQueue as _SignalQueue
from engrain._buffers import TrajectoryBuffer as _TrajectoryBuffer
from engrain._core import Modulators as _Modulators
from engrain._core import TraceTable as _TraceTable
from engrain._core import ValueTable as _ValueTable
from engrain._graph import EdgeTable as _EdgeTable
from engrain._lora import MicroLoRA as _MicroLoRA
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, UnknownTraceError

cnp.import_array()
include "_arrays.pxi"
include "_checks.pxi"


cdef extern from "Python.h":
    PyObject* Py_None

cdef enum:
    MAX_TRACES = 100_000
    LARGEST_HANDLE = 0x7FFFFFFF
    BRIEF = 20_000  # multiplications; some thirty microseconds

cdef struct Lesson:
    float quality, recall, latency_ratio, feedback
    int model_tier, context_tokens
    double now, information
    bint admit


@cython.final
cdef class LoopTrace:
    """What one request was shown, until its outcome is known; made by `observe` or `reopen`.

    Its arrays are kept, not copied: leave them as they are.

    Attributes
    ----------
    query : ndarray of float32, shape (dim,), or None
    shown : ndarray of int64, shape (k,)
    rows : ndarray of float32, shape (k or more, columns)
    runners : int
    anchor : int
    closed : bool
        Whether an outcome has been learned.
    """

    cdef readonly cnp.ndarray query, shown, rows
    cdef cnp.ndarray terms, counts, idf
    cdef readonly int64_t anchor
    cdef readonly bint closed
    cdef object owner
    cdef int64_t scope
    cdef Py_ssize_t n, listed
    cdef readonly Py_ssize_t runners


cdef class InstantLearningLoop:
    """Learns from one request in one call, in microseconds.

    A call keeps the GIL where nobody has to be waited for and it ends within some thirty
    microseconds: another thread that was given the GIL may keep it for 5 ms. Wide vectors and long
    lists are learned from without it.

    `observe` opens a trace when memories are recalled; `learn` closes it when the outcome is known,
    in this order: overlap label and the ledger's losses with the state as it was, the step of the
    ranking weights from the stored rows, value, eligibility, neuromodulators, credit, then the
    evidence (counts, question ring, term counts, sum vectors), the query adapter,
    reconsolidation and Hebbian edges, and last trajectory and signal.

    Parameters
    ----------
    dim : int
        Width of queries and memories, 0 without vectors.
    model, control : engrain.memory.ranking.RankingModel
        The full model, and the one that learns static weights alone.
    ledger : engrain.memory.ledger.Ledger
    evidence : engrain.memory.evidence.Evidence
    rule : engrain.kernels.LoopRule
    memories : ndarray of float32, shape (n, dim), writeable, optional
        Vector of each handle, which reconsolidation turns in place. Without it, vectors come with
        each `learn`, and nothing is reconsolidated.
    buffer : int
        Capacity of the trajectory ring and the signal queue.
    max_edges : int

    Attributes
    ----------
    model, control, ledger, evidence, traces, values, modulators, edges, adapter, trajectories, \
signals
        The parts, to read; they change in every call.

    Raises
    ------
    ConfigError
        A size is out of its range, or the parts are not of the same columns and width.
    TypeError
        `memories` has another dtype or layout.
    """

    cdef readonly RankerState model, control
    cdef readonly LedgerState ledger
    cdef readonly EvidenceState evidence
    cdef readonly TraceTable traces
    cdef readonly ValueTable values
    cdef readonly Modulators modulators
    cdef readonly EdgeTable edges
    cdef readonly MicroLoRA adapter
    cdef readonly TrajectoryBuffer trajectories
    cdef readonly SignalQueue signals
    cdef readonly object rule, memories
    cdef readonly Py_ssize_t dim, columns
    cdef mutex guard
    cdef int64_t handles
    cdef double penalty
    cdef float rate, tangent
    cdef float* memory
    cdef vector[float] targets, told, expected, errors, eligibility, credit, signal, ones
    cdef vector[Aspect] aspects
    cdef vector[float] gradient, blank
    cdef vector[const float*] places, centred
    cdef vector[int64_t] handle, anchors
    cdef vector[Use] used
    cdef vector[int64_t] passed

    def __init__(self, dim, RankerState model not None, RankerState control not None,
                 LedgerState ledger not None, EvidenceState evidence not None, rule, *,
                 cnp.ndarray memories=None, buffer=4096, max_edges=1 << 20):
        self.columns = len(model)
        if not len(control) == ledger.columns == self.columns or evidence.dim != dim:
            raise ConfigError(
                f"expected parts of {self.columns} columns and width {dim}, got a control of "
                f"{len(control)}, a ledger of {ledger.columns} and evidence of width {evidence.dim}"
            )
        self.model, self.control, self.ledger, self.evidence = model, control, ledger, evidence
        self.dim, self.rule = dim, rule
        self.penalty = rule.latency_penalty
        self.rate, self.tangent = rule.reconsolidation_rate, rule.max_tangent
        self.handles = LARGEST_HANDLE
        if memories is not None:
            check_array(memories, cnp.NPY_FLOAT32, 2, True, "memories")
            check_extent(memories, 1, dim, "memories")
            self.handles = cnp.PyArray_DIM(memories, 0)
            self.memories, self.memory = memories, <float*>cnp.PyArray_DATA(memories)
        self._parts(rule, buffer, max_edges)
        self._room(64)

    def _parts(self, rule, buffer, max_edges):
        width = max(1, self.dim)
        self.traces = _TraceTable(min(MAX_TRACES, self.handles), rule.traces, LARGEST_HANDLE)
        self.values = _ValueTable(rule.values, max_handles=LARGEST_HANDLE)
        self.modulators = _Modulators(width, rule.modulators)
        self.edges = _EdgeTable(max_edges=max_edges)
        self.adapter = _MicroLoRA(width, rule.rank, learning_rate=rule.adapter_rate)
        self.trajectories = _TrajectoryBuffer(buffer, width)
        self.signals = _SignalQueue(buffer, width)
        self.gradient.resize(width)
        self.blank.resize(width)
        if self.memories is not None:
            self.reserve(self.handles)

    cdef int _room(self, size_t n) except -1:
        """Size the scratch for n shown memories."""
        if n <= self.ones.size():
            return 0
        self.targets.resize(n)
        self.told.resize(n)
        self.expected.resize(n)
        self.errors.resize(n)
        self.eligibility.resize(n)
        self.credit.resize(n)
        self.signal.resize(n)
        self.aspects.resize(n)
        self.centred.resize(n)
        self.places.resize(n)
        self.handle.resize(n)
        self.anchors.resize(n)
        self.used.reserve(n)
        self.passed.reserve(n)
        self.ones.resize(n, 1.0)
        return 0

    def reserve(self, int64_t handles):
        """Make room for so many memories now, so that no later request has to."""
        cdef int64_t last = handles - 1
        self.traces._reserve(&last, handles > 0)
        self.values._reserve(&last, handles > 0)
        self.edges.reserve(handles, min(handles * self.edges.view.per_node,
                                        self.edges.view.max_edges))

    cdef int _admit(self, const int64_t* shown, Py_ssize_t n, int64_t anchor) except -1:
        """Make room in the tables for the handles of a request."""
        self._room(n)
        self.traces._reserve(shown, n)
        self.values._reserve(shown, n)
        cdef int64_t top = anchor
        cdef Py_ssize_t i
        for i in range(n):
            top = max(top, shown[i])
        if top >= <int64_t>self.edges.view.nodes:
            self.edges.grow_nodes(max(top + 1, 2 * <int64_t>self.edges.view.nodes))
        cdef size_t edges = min(self.edges.view.used + n, self.edges.view.max_edges)
        if 2 * edges + 2 > (<size_t>1 << (64 - self.edges.view.shift)):
            self.edges.make_room(edges)
        return 0

    def reopen(self, cnp.ndarray query, cnp.ndarray shown not None, cnp.ndarray rows not None, *,
               int64_t scope=0, cnp.ndarray terms=None, cnp.ndarray counts=None,
               cnp.ndarray idf=None, int64_t anchor=-1, Py_ssize_t runners=0):
        """Return the trace of a recall that was observed before; arguments as in `observe`."""
        return self._open(query, shown, rows, scope, terms, counts, idf, anchor, runners)

    cdef LoopTrace _open(self, cnp.ndarray query, cnp.ndarray shown, cnp.ndarray rows,
                         int64_t scope, cnp.ndarray terms, cnp.ndarray counts, cnp.ndarray idf,
                         int64_t anchor, Py_ssize_t runners):
        """Check what a recall was and keep it."""
        cdef LoopTrace trace = LoopTrace.__new__(LoopTrace)
        cdef int64_t* h = i64_vector(shown, "shown")
        cdef Py_ssize_t i, n = cnp.PyArray_DIM(shown, 0)
        if query is not None:
            f32_finite(query, self.dim, "query")
        for i in range(n):
            if not 0 <= h[i] < self.handles:
                raise ValueError(f"shown: {h[i]} is not in [0, {self.handles})")
        check_array(rows, cnp.NPY_FLOAT32, 2, False, "rows")
        if runners < 0:
            raise ValueError(f"runners: must be at least 0, got {runners}")
        if cnp.PyArray_DIM(rows, 0) < n + runners:
            check_extent(rows, 0, n + runners, "rows")
        check_extent(rows, 1, self.columns, "rows")
        if not all_finite(<float*>cnp.PyArray_DATA(rows), cnp.PyArray_SIZE(rows)):
            raise NonFiniteError("rows: contains NaN or infinity")
        if not -1 <= anchor < self.handles:
            raise ValueError(f"anchor: {anchor} is not in [-1, {self.handles})")
        if terms is not None:
            if counts is None or idf is None:
                raise TypeError("terms: come with counts and idf")
            terms_of(terms, counts, idf)
        trace.query, trace.shown, trace.rows, trace.n = query, shown, rows, n
        trace.listed, trace.runners = cnp.PyArray_DIM(rows, 0) - runners, runners
        trace.terms, trace.counts, trace.idf = terms, counts, idf
        trace.scope, trace.owner = scope, self
        trace.anchor = h[0] if anchor < 0 and n else anchor
        return trace

    def observe(self, cnp.ndarray query, cnp.ndarray shown not None, cnp.ndarray rows not None,
                double now, *, int64_t scope=0, cnp.ndarray terms=None, cnp.ndarray counts=None,
                cnp.ndarray idf=None, int64_t anchor=-1, double encode=0.0, double retrieve=0.0,
                Py_ssize_t runners=0):
        """Open the trace of a recall: novelty, modulators, eligibility marks.

        Parameters
        ----------
        query : ndarray of float32, shape (dim,), or None
        shown : ndarray of int64, shape (k,)
            Distinct handles, best first.
        rows : ndarray of float32, shape (k or more, columns)
            Component scores as they are before this request teaches. Those below the first k are of
            memories that were not shown: the ranking weights learn that they were not used.
        now : float
            Seconds.
        scope : int
            Questions are compared within a scope.
        terms, counts, idf : ndarray of int32, float32, float32, shape (terms,), optional
            Distinct terms of the question, how often they occur and how rare they are.
        anchor : int
            Handle whose edges learn: the session's node, or the top hit where it is -1.
        encode, retrieve : float
            Demand for storing and for recalling, in [0, 1].
        runners : int
            So many of the last rows are of what would have been shown next: they are for the
            ledger alone.

        Returns
        -------
        LoopTrace
            For `learn`. It keeps the arrays: leave them as they are.

        Raises
        ------
        TypeError
            Another dtype or layout: nothing is converted or copied.
        ValueError
            Another shape, a handle out of range, NaN or infinity; nothing was changed.
        """
        check_finite(now, "now")
        if not (0.0 <= encode <= 1.0 and 0.0 <= retrieve <= 1.0):
            raise ConfigError(f"encode, retrieve: must be in [0, 1], got {encode}, {retrieve}")
        cdef LoopTrace trace = self._open(query, shown, rows, scope, terms, counts, idf, anchor,
                                          runners)
        cdef const float* q = NULL
        if query is not None:
            q = <const float*>cnp.PyArray_DATA(query)
        cdef const int64_t* h = <const int64_t*>cnp.PyArray_DATA(shown)
        self._enter()
        try:
            self._admit(h, trace.n, trace.anchor)
            self._observe(q, h, trace.n, now, encode, retrieve)  # too short to give up the GIL
        finally:
            self.guard.unlock()
        return trace

    cdef void _enter(self) noexcept:
        """Lock; whoever waits does so without the GIL, so that the one inside may take it."""
        if not self.guard.try_lock():
            with nogil:
                self.guard.lock()

    cdef void _observe(self, const float* query, const int64_t* shown, Py_ssize_t n, double now,
                       double encode, double retrieve) noexcept nogil:
        cdef double novelty = 0.0
        self.modulators.guard.lock()
        if query != NULL:
            novelty = observe_novelty(self.modulators.current, self.modulators.native,
                                      <float*>cnp.PyArray_DATA(self.modulators._direction), query,
                                      self.dim)
        modulate_query(self.modulators.current, self.modulators.native, novelty, encode, retrieve,
                       -1)
        self.modulators.guard.unlock()
        self.traces.guard.lock()
        touch_table(self.traces.view, shown, self.ones.data(), n, now, self.traces.native)
        self.traces.guard.unlock()

    def learn(self, LoopTrace trace not None, cnp.ndarray outcomes not None, double now, *,
              quality=None, cnp.ndarray vectors=None, cnp.ndarray masses=None, bint admit=True,
              double information=1.0, float latency_ratio=1.0, int model_tier=0,
              int context_tokens=0, feedback=None, float recall=0.0):
        """Close a trace with its outcome; return the mean signed prediction error.

        Parameters
        ----------
        trace : LoopTrace
        outcomes : ndarray of float32, shape (k,)
            Of the shown memories, in [0, 1], NaN where nothing was said; above .5 counts as used.
        now : float
            Seconds.
        quality : float, optional
            Of the answer, in [0, 1]; the mean outcome by default.
        vectors : ndarray of float32, shape (k, dim), optional
            Of the shown memories; from `memories` by default.
        masses : ndarray of float32, shape (k,), optional
            Evidence that each memory gains, in [0, 1]; its outcome by default.
        admit : bool
            Whether a question that gave no mass enters the ring of past questions.
        information : float
            How often the list counts in the ranking step; 0 for no step and no line in the ledger.
        latency_ratio : float
            Measured over wanted latency, 0 or above.
        model_tier, context_tokens : int
        feedback : float, optional
            Explicit, in [0, 1].
        recall : float
            Estimate of the caller, kept in the trajectory.

        Raises
        ------
        UnknownTraceError
            The trace is of another loop, or already closed.
        TypeError
            Another dtype or layout.
        ValueError
            Another shape, or a value out of its range; nothing was changed.
        """
        cdef Lesson lesson
        cdef const float* rows = self._check_vectors(trace, vectors)
        cdef const float* y = self._check_outcomes(trace, outcomes, "outcomes")
        cdef const float* m = NULL
        if masses is not None:
            m = self._check_outcomes(trace, masses, "masses")
        if not 0.0 <= information < 1e12:
            raise NonFiniteError(f"information: must be at least 0 and finite, got {information}")
        check_finite(latency_ratio, "latency_ratio")
        check_finite(recall, "recall")
        check_finite(now, "now")
        lesson.quality = self._quality(trace, y, quality)
        lesson.feedback = NAN
        if feedback is not None:
            lesson.feedback = feedback
            check_finite(lesson.feedback, "feedback")
        lesson.now, lesson.information, lesson.admit = now, information, admit
        lesson.latency_ratio, lesson.recall = latency_ratio, recall
        lesson.model_tier, lesson.context_tokens = model_tier, context_tokens
        self._enter()
        try:
            self._close(trace)
            # Nobody waits for the GIL inside the evidence: others wait for it with the GIL.
            if self._is_brief(trace) and self.evidence.core.try_enter():
                self._learn(trace, y, m, rows, lesson)
            else:
                with nogil:
                    self.evidence.core.enter()
                    self._learn(trace, y, m, rows, lesson)
        finally:
            self.guard.unlock()
        return self.modulators.current.dopamine

    cdef bint _is_brief(self, LoopTrace trace) noexcept:
        """Whether learning takes less than to give the GIL away and get it back."""
        return trace.n * self.dim + trace.listed * self.columns * self.columns // 4 < BRIEF

    cdef const float* _check_vectors(self, LoopTrace trace, cnp.ndarray vectors) except? NULL:
        if vectors is None:
            return NULL
        check_array(vectors, cnp.NPY_FLOAT32, 2, False, "vectors")
        check_extent(vectors, 0, trace.n, "vectors")
        check_extent(vectors, 1, self.dim, "vectors")
        return <const float*>cnp.PyArray_DATA(vectors)

    cdef const float* _check_outcomes(self, LoopTrace trace, cnp.ndarray values,
                                      str name) except NULL:
        """Check one number in [0, 1], or NaN, per shown memory."""
        check_array(values, cnp.NPY_FLOAT32, 1, False, name)
        if cnp.PyArray_DIM(values, 0) != trace.n:
            raise ShapeError(f"{name}: expected one per shown memory, got {len(values)}")
        cdef const float* y = <const float*>cnp.PyArray_DATA(values)
        cdef Py_ssize_t i
        for i in range(trace.n):
            if y[i] < 0.0 or y[i] > 1.0:
                raise NonFiniteError(f"{name}: must be in [0, 1], got {y[i]}")
        return y

    cdef float _quality(self, LoopTrace trace, const float* outcomes, object given) except -1:
        cdef Py_ssize_t i, told = 0
        cdef float quality = 0.0
        if given is None:
            for i in range(trace.n):
                if outcomes[i] == outcomes[i]:
                    quality += outcomes[i]
                    told += 1
            return quality / told if told else 0.5
        quality = given
        if not 0.0 <= quality <= 1.0:
            raise NonFiniteError(f"quality: must be in [0, 1], got {quality}")
        return quality

    cdef int _close(self, LoopTrace trace) except -1:
        """Refuse a trace that cannot be learned; make room for all that learning it needs."""
        if trace.owner is not self or trace.closed:
            raise UnknownTraceError("a trace of another loop" if trace.owner is not self else
                                    "a trace that is closed")
        self._admit(<const int64_t*>cnp.PyArray_DATA(trace.shown), trace.n, trace.anchor)
        self._room(trace.listed)
        self.model.core.reserve(trace.listed)
        self.control.core.reserve(trace.listed)
        self.ledger.reserve(trace.n + trace.runners)
        self.evidence.version += 1
        trace.closed = True
        return 0

    cdef int _learn(self, LoopTrace trace, const float* outcomes, const float* masses,
                    const float* vectors, const Lesson& lesson) except -1 nogil:
        """Learn, alone in the evidence, which is let go of as soon as nothing more changes it."""
        cdef const int64_t* shown = <const int64_t*>cnp.PyArray_DATA(trace.shown)
        cdef const float* query = NULL
        cdef float square
        if <PyObject*>trace.query != Py_None:
            query = <const float*>cnp.PyArray_DATA(trace.query)
        cdef TermView terms = self._terms(trace)
        cdef Py_ssize_t spoken = self._listen(shown, outcomes, vectors, trace.n)
        try:
            self._foresee(shown, trace.n, trace.anchor, terms)
            self._take_uses(trace, query, shown, masses, vectors)
            self._take_passed(shown, outcomes, trace.n, lesson)
            self.evidence.core.fetch(self.anchors.data(), self.used.size())
            if self.used.size() or lesson.admit:
                self.evidence.core.prepare(query, terms, self.used, self.passed)
            self._settle(trace, lesson)
            self._credit(spoken, lesson.now)
            square = self._survey(query, vectors, spoken, lesson)
            if self.used.size() or lesson.admit:
                self.evidence.core.commit(trace.scope, query, self._centred(query))
        finally:
            self.evidence.core.leave()
        self._adapt(query, spoken, lesson)
        self._turn(query, square, spoken)
        self._rewire(trace.anchor, spoken)
        self._report(query, shown, trace.n, spoken, lesson)
        return 0

    cdef Py_ssize_t _listen(self, const int64_t* shown, const float* outcomes,
                            const float* vectors, Py_ssize_t n) noexcept nogil:
        """Take in the outcomes: targets of all shown, and those that something was said of."""
        cdef Py_ssize_t i, spoken = 0
        cdef const float* row
        for i in range(n):
            self.targets[i] = outcomes[i] if outcomes[i] > 0.0 else 0.0
            if outcomes[i] != outcomes[i]:
                continue
            row = NULL
            if vectors != NULL:
                row = vectors + i * self.dim
            elif self.memory != NULL:
                row = self.memory + shown[i] * self.dim
            self.handle[spoken], self.told[spoken] = shown[i], outcomes[i]
            self.places[spoken] = row
            spoken += 1
        return spoken

    cdef void _foresee(self, const int64_t* shown, Py_ssize_t n, int64_t anchor,
                       TermView terms) noexcept nogil:
        """Ask memory for what a lesson will look at, before anything waits for it."""
        cdef Py_ssize_t i
        for i in range(n):
            prefetch(&self.traces.view.slot_of[shown[i]])
        approach_values(self.values.view, shown, n)
        self.evidence.core.approach(shown, n, terms)
        approach_edges(self.edges.view, anchor, shown, n)
        if self.memory != NULL:
            for i in range(n):
                prefetch_apart(self.memory + shown[i] * self.dim, self.dim)
        self.trajectories.ring.prefetch()
        self.signals.queue.prefetch()

    cdef void _take_uses(self, LoopTrace trace, const float* query, const int64_t* shown,
                         const float* masses, const float* vectors) noexcept nogil:
        """List what the question used, with the evidence that each gains and its vector."""
        cdef Use use
        cdef float mass
        cdef Py_ssize_t i, n = 0
        self.used.clear()
        for i in range(trace.n):
            mass = self.targets[i] if masses == NULL else masses[i]
            if not (self.targets[i] > 0.0 and mass > 0.0):
                continue
            use.handle, use.mass = shown[i], max(<int64_t>1, to_fixed(mass))
            self.used.push_back(use)
            self.anchors[n] = shown[i]
            self.centred[n] = NULL
            if vectors != NULL:
                self.centred[n] = vectors + i * self.dim
            elif self.memory != NULL:
                self.centred[n] = self.memory + shown[i] * self.dim
            n += 1

    cdef void _take_passed(self, const int64_t* shown, const float* outcomes, Py_ssize_t n,
                           const Lesson& lesson) noexcept nogil:
        """List what was shown and did not help; newcomers speak of what helped alone.

        Where nothing did, perhaps nobody looked: that says nothing against what was shown.
        """
        cdef Py_ssize_t i
        self.passed.clear()
        for i in range(n if lesson.admit and self.used.size() else 0):
            if outcomes[i] == 0.0:
                self.passed.push_back(shown[i])

    cdef const float* const* _centred(self, const float* query) noexcept nogil:
        """Return the vectors of what was used, null without a query or vectors."""
        if query == NULL or self.used.size() == 0 or self.centred[0] == NULL:
            return NULL
        return self.centred.data()

    cdef TermView _terms(self, LoopTrace trace) noexcept nogil:
        cdef TermView terms
        terms.n = 0
        terms.ids = NULL
        terms.counts = terms.idf = NULL
        if <PyObject*>trace.terms != Py_None:
            terms.ids = <const int32_t*>cnp.PyArray_DATA(trace.terms)
            terms.counts = <const float*>cnp.PyArray_DATA(trace.counts)
            terms.idf = <const float*>cnp.PyArray_DATA(trace.idf)
            terms.n = cnp.PyArray_DIM(trace.terms, 0)
        return terms

    cdef float _survey(self, const float* query, const float* vectors, Py_ssize_t n,
                       const Lesson& lesson) noexcept nogil:
        """Read the vectors: where they lie to the query, and where they pull its adapter.

        The adapted query moves toward the used memories by the advantage, away where it is < 0.
        """
        cdef float slow = lesson.latency_ratio - 1.0, mean = 0.0, square = 0.0, reward
        cdef Py_ssize_t i
        if query == NULL or n == 0 or self.places[0] == NULL:
            return 0.0
        reward = lesson.quality - self.penalty * (slow if slow > 0.0 else 0.0)
        for i in range(n):
            mean += self.told[i] / n
        for i in range(n):
            self.signal[i] = (0.5 - reward) * (self.told[i] - mean)
        if self.memory != NULL:
            square = survey_rows(self.memory, self.handle.data(), query, self.signal.data(), n,
                                 self.dim, self.aspects.data(), self.gradient.data())
        if vectors != NULL:
            combine_rows(self.places.data(), self.signal.data(), n, self.dim,
                         self.gradient.data())
        return square

    cdef void _settle(self, LoopTrace trace, const Lesson& lesson) noexcept nogil:
        """The ledger with the state as it was, then the ranking weights."""
        cdef const float* rows = <const float*>cnp.PyArray_DATA(trace.rows)
        cdef const float* y = self.targets.data()
        cdef const int64_t* shown = <const int64_t*>cnp.PyArray_DATA(trace.shown)
        cdef Py_ssize_t i, used = 0
        cdef bint overlap
        for i in range(trace.n):
            if y[i] > 0.0:
                self.anchors[used] = shown[i]
                used += 1
        if used == 0 or not lesson.information > 0.0:
            return
        for i in range(trace.n, trace.listed):
            self.targets[i] = 0.0
        overlap = self.evidence.core.any_rewarded(self.anchors.data(), used)
        self.ledger.settle(rows, y, trace.n, rows + trace.listed * self.columns, trace.runners,
                           self.model.core.weights.data(), self.control.core.weights.data(),
                           overlap)
        self.model.core.step(rows, y, trace.listed, lesson.information)
        self.control.core.step(rows, y, trace.listed, lesson.information)

    cdef void _credit(self, Py_ssize_t n, double now) noexcept nogil:
        """Three factors: gate * prediction error * eligibility, into `credit`."""
        cdef const int64_t* h = self.handle.data()
        cdef Py_ssize_t i
        self.values.guard.lock()
        for i in range(n):
            self.expected[i] = self.values.view.items[h[i]].value
        learn_table(self.values.view, h, self.told.data(), n, self.values.native,
                    self.errors.data())
        self.values.guard.unlock()
        self.traces.guard.lock()
        read_table(self.traces.view, h, n, now, self.traces.native, 1.0, self.eligibility.data())
        self.traces.guard.unlock()
        self.modulators.guard.lock()
        modulate_outcome(self.modulators.current, self.modulators.native, self.told.data(),
                         self.expected.data(), self.eligibility.data(), n, NAN,
                         self.credit.data())
        self.modulators.guard.unlock()

    cdef void _adapt(self, const float* query, Py_ssize_t n, const Lesson& lesson) noexcept nogil:
        """Let the query's adapter follow the pull, where the answer was good, bad or slow."""
        if query == NULL or n == 0 or self.places[0] == NULL or not (
                fabs(lesson.quality - 0.5) > 0.1 or lesson.latency_ratio > 1.2):
            return
        if update_lora(self.adapter.pa, self.adapter.pb, query, self.gradient.data(),
                       self.adapter.rank_, self.dim, self.adapter.step):
            self.adapter.updates_ += 1

    cdef void _turn(self, const float* query, float square, Py_ssize_t n) noexcept nogil:
        """Turn the memories toward or away from the query by their credit."""
        cdef Py_ssize_t i
        cdef float rate
        if self.memory == NULL or query == NULL:
            return
        for i in range(n):
            rate = self.rate * self.credit[i]
            self.signal[i] = min(max(rate, -1.0), 1.0)
        turn_rows(self.memory, self.handle.data(), query, square, self.aspects.data(),
                  self.signal.data(), n, self.dim, self.tangent)

    cdef void _rewire(self, int64_t anchor, Py_ssize_t n) noexcept nogil:
        """Strengthen the anchor's edges to what was used, weaken those to the others."""
        cdef Py_ssize_t i
        for i in range(n):
            self.anchors[i] = anchor
            self.signal[i] = 1.0 if self.told[i] > 0.5 else -1.0
            if self.handle[i] == anchor:
                self.signal[i] = 0.0  # a memory has no edge to itself
        update_edges(self.edges.view, self.anchors.data(), self.handle.data(), self.signal.data(),
                     n, 0, self.edges.rule)

    cdef void _report(self, const float* query, const int64_t* shown, Py_ssize_t n,
                      Py_ssize_t spoken, const Lesson& lesson) noexcept nogil:
        cdef Py_ssize_t i
        cdef float used = 0.0
        cdef TrajectoryFacts facts
        for i in range(spoken):
            used += self.told[i] > 0.5
        facts.time = lesson.now
        facts.retrieved = min(n, self.trajectories.max_ids)
        facts.precision, facts.recall = used / max(1, spoken), lesson.recall
        if query == NULL:
            query = self.blank.data()
        cdef Signal signal
        signal.trajectory = self.trajectories.ring.push(query, shown, facts)
        signal.quality, signal.feedback = lesson.quality, lesson.feedback
        signal.latency_ratio = lesson.latency_ratio
        signal.model_tier, signal.context_tokens = lesson.model_tier, lesson.context_tokens
        self.signals.queue.push(signal, query)

    def request(self, cnp.ndarray query, cnp.ndarray shown not None, cnp.ndarray rows not None,
                   cnp.ndarray outcomes not None, double now, *, quality=None,
                   float latency_ratio=1.0, int64_t anchor=-1):
        """Do `observe` and `learn` where the outcome is already known."""
        check_extent(outcomes, 0, cnp.PyArray_DIM(shown, 0), "outcomes")
        trace = self.observe(query, shown, rows, now, anchor=anchor)
        return self.learn(trace, outcomes, now, quality=quality, latency_ratio=latency_ratio)

    def forget(self, int64_t handle):
        """Drop what was learned of a memory; the adapter keeps what it took from it."""
        if not 0 <= handle < self.handles:
            raise ValueError(f"handle: {handle} is not in [0, {self.handles})")
        self._enter()
        try:
            self._admit(&handle, 1, handle)
            self.evidence.core.forget(handle)
            self.evidence.version += 1
            self.traces.guard.lock()
            forget_traces(self.traces.view, &handle, 1)
            self.traces.guard.unlock()
            self.values.guard.lock()
            forget_values(self.values.view, &handle, 1, self.values.default)
            self.values.guard.unlock()
            remove_node(self.edges.view, handle)
        finally:
            self.guard.unlock()

    def _holders(self):
        return {"model": self.model, "control": self.control, "ledger": self.ledger,
                "evidence": self.evidence, "traces": self.traces, "values": self.values,
                "modulators": self.modulators, "edges": self.edges, "adapter": self.adapter}

    def state(self):
        """Return everything learned as named arrays, records as bytes.

        The vectors of the memories are the caller's; trajectories and signals are in transit.
        """
        self._enter()
        try:
            return {
                f"{part}/{name}": array if array.dtype.names is None else array.view(np.uint8)
                for part, holder in self._holders().items()
                for name, array in holder.state().items()
            }
        finally:
            self.guard.unlock()

    def load(self, state):
        """Take over a state returned by `state` of a loop with the same parts.

        Raises
        ------
        SnapshotError, ShapeError, ValueError
            The arrays do not fit.
        """
        self._enter()
        try:
            for part, holder in self._holders().items():
                prefix = part + "/"
                kinds = {name: array.dtype for name, array in holder.state().items()}
                holder.load({
                    name: np.asarray(state[prefix + name]).view(kind) if kind.names else
                    state[prefix + name]
                    for name, kind in kinds.items()
                })
        finally:
            self.guard.unlock()
        if self.memories is not None:
            self.reserve(self.handles)
