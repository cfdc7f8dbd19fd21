# distutils: language = c++
"""The whole learning step of one request in one call; import it from engrain.kernels."""
import cython
import numpy as np

cimport numpy as cnp
from libc.math cimport NAN, fabs
from libc.stdint cimport int8_t, int64_t, uint8_t
from libc.string cimport memcpy
from libcpp.mutex cimport mutex

from engrain._buffers cimport SignalQueue, TrajectoryBuffer
from engrain._core cimport Modulators, TraceTable, ValueTable
from engrain._csrc cimport (
    Signal,
    TrajectoryFacts,
    laplace_scratch,
    laplace_step,
    learn_table,
    modulate_outcome,
    modulate_query,
    observe_novelty,
    read_table,
    reconsolidate,
    touch_table,
    update_edges,
    update_lora,
)
from engrain._graph cimport EdgeTable
from engrain._lora cimport MicroLoRA

from engrain._buffers import SignalQueue as _SignalQueue
from engrain._buffers import TrajectoryBuffer as _TrajectoryBuffer
from engrain._core import Modulators as _Modulators
from engrain._core import TraceTable as _TraceTable
from engrain._core import ValueTable as _ValueTable
from engrain._graph import EdgeTable as _EdgeTable
from engrain._lora import MicroLoRA as _MicroLoRA
from engrain.base.errors import (
    ConfigError, NonFiniteError, ShapeError, SnapshotError, UnknownTraceError,
)

cnp.import_array()
include "_arrays.pxi"
include "_checks.pxi"


cdef extern from *:
    """
    // A row of n floats on its way to the cache, to be written.
    static inline void prefetch_row(const float* row, std::size_t n) {
        for (std::size_t i = 0; i < n; i += 16) __builtin_prefetch(row + i, 1);
    }
    """
    void prefetch_row(const float* row, size_t n) noexcept nogil


cdef enum:
    NUMBER = 0  # of the trace in a slot; -1: free or already answered
    ANCHOR = 1
    SHOWN = 2

cdef struct Outcome:
    float quality, recall, latency_ratio, feedback
    int model_tier, context_tokens
    double now


@cython.final
cdef class InstantLearningLoop:
    """Learns from one request in one call, in microseconds and without the GIL.

    `observe` opens a trace when memories are recalled; `learn` closes it when the outcome is known:
    ranking weights from the stored rows, then value, eligibility, neuromodulators and credit, then
    the query adapter, reconsolidation and Hebbian edges, and last trajectory and signal.

    Parameters
    ----------
    memories : ndarray of float32, shape (n, dim), writeable
        Vector of each handle; reconsolidation turns its rows in place.
    columns : int
        Component scores per shown memory.
    rule : engrain.kernels.LoopRule
    max_shown : int
        Most memories of one request.
    open_traces : int
        Most traces kept; the oldest gives way.
    buffer : int
        Capacity of the trajectory ring and the signal queue.
    max_edges : int

    Attributes
    ----------
    traces, values, modulators, edges, adapter, trajectories, signals
        The parts, to read; they change in every call.
    weights : ndarray of float64, shape (columns,)
        Ranking weights, a copy.

    Raises
    ------
    ConfigError
        A size is out of its range.
    TypeError
        `memories` has another dtype or layout.
    """

    cdef readonly TraceTable traces
    cdef readonly ValueTable values
    cdef readonly Modulators modulators
    cdef readonly EdgeTable edges
    cdef readonly MicroLoRA adapter
    cdef readonly TrajectoryBuffer trajectories
    cdef readonly SignalQueue signals
    cdef readonly object rule, memories
    cdef readonly Py_ssize_t dim, columns, max_shown, open_traces
    cdef mutex guard
    cdef int64_t next_number, handles
    cdef double clip, penalty
    cdef float rate, tangent
    cdef float* memory
    cdef int64_t[:, ::1] opened
    cdef float[:, ::1] queries
    cdef int64_t[:, ::1] shown
    cdef float[:, :, ::1] rows
    cdef double[::1] w, scales, scratch
    cdef double[:, ::1] precision
    cdef uint8_t[::1] free
    cdef int8_t[::1] signs
    cdef float[::1] ones, expected, errors, eligibility, credit, signal, cosine, gradient
    cdef int64_t[::1] anchors

    def __init__(self, cnp.ndarray memories not None, columns, rule, max_shown=64,
                 open_traces=1024, buffer=4096, max_edges=1 << 20):
        for name, value, top in (("columns", columns, 1024), ("max_shown", max_shown, 1024),
                                 ("open_traces", open_traces, 1 << 20)):
            if not 1 <= value <= top:
                raise ConfigError(f"{name}: must be in [1, {top}], got {value}")
        check_array(memories, cnp.NPY_FLOAT32, 2, True, "memories")
        self.handles, self.dim = cnp.PyArray_DIM(memories, 0), cnp.PyArray_DIM(memories, 1)
        if not (self.handles and self.dim):
            raise ConfigError(f"memories: expected at least one row, got {self.handles}")
        self.memories, self.memory = memories, <float*>cnp.PyArray_DATA(memories)
        self.rule, self.columns = rule, columns
        self.max_shown, self.open_traces = max_shown, open_traces
        self.clip, self.penalty = rule.clip, rule.latency_penalty
        self.rate, self.tangent = rule.reconsolidation_rate, rule.max_tangent
        self._parts(rule, buffer, max_edges)
        self._arrays(rule.prior)

    def _parts(self, rule, buffer, max_edges):
        n = self.handles
        self.traces = _TraceTable(min(n, 100_000), rule.traces, n)
        self.values = _ValueTable(rule.values, max_handles=n)
        self.modulators = _Modulators(self.dim, rule.modulators)
        self.edges = _EdgeTable(max_edges=max_edges)
        self.edges.reserve(n, max_edges)
        self.adapter = _MicroLoRA(self.dim, rule.rank, learning_rate=rule.adapter_rate)
        self.trajectories = _TrajectoryBuffer(buffer, self.dim, self.max_shown)
        self.signals = _SignalQueue(buffer)
        cdef int64_t last = n - 1
        self.traces._reserve(&last, 1)
        self.values._reserve(&last, 1)

    def _arrays(self, prior):
        k, c, t = self.max_shown, self.columns, self.open_traces
        self.opened = np.full((t, 3), -1, dtype=np.int64)
        self.queries = np.zeros((t, self.dim), dtype=np.float32)
        self.shown = np.zeros((t, k), dtype=np.int64)
        self.rows = np.zeros((t, k, c), dtype=np.float32)
        self.w, self.scales = np.zeros(c), np.ones(c)
        self.precision = prior * np.eye(c)
        self.free, self.signs = np.ones(c, dtype=np.uint8), np.zeros(c, dtype=np.int8)
        self.scratch = np.zeros(laplace_scratch(k, c))
        self.ones = np.ones(k, dtype=np.float32)
        self.anchors = np.zeros(k, dtype=np.int64)
        (self.expected, self.errors, self.eligibility, self.credit, self.signal,
         self.cosine) = np.zeros((6, k), dtype=np.float32)
        self.gradient = np.zeros(self.dim, dtype=np.float32)

    @property
    def weights(self):
        return np.asarray(self.w).copy()

    cdef Py_ssize_t _check_shown(self, cnp.ndarray shown, cnp.ndarray rows) except -1:
        cdef int64_t* h = i64_vector(shown, "shown")
        cdef Py_ssize_t i, n = cnp.PyArray_DIM(shown, 0)
        check_array(rows, cnp.NPY_FLOAT32, 2, False, "rows")
        check_extent(rows, 0, n, "rows")
        check_extent(rows, 1, self.columns, "rows")
        if not 1 <= n <= self.max_shown:
            raise ShapeError(f"shown: expected 1 to {self.max_shown} memories, got {n}")
        for i in range(n):
            if not 0 <= h[i] < self.handles:
                raise ValueError(f"shown: {h[i]} is not in [0, {self.handles})")
        if not all_finite(<float*>cnp.PyArray_DATA(rows), n * self.columns):
            raise NonFiniteError("rows: contains NaN or infinity")
        return n

    def observe(self, cnp.ndarray query not None, cnp.ndarray shown not None,
                cnp.ndarray rows not None, double now, int64_t anchor=-1, double encode=0.0,
                double retrieve=0.0):
        """Open the trace of a recall; return its number.

        Parameters
        ----------
        query : ndarray of float32, shape (dim,)
        shown : ndarray of int64, shape (k,)
            Handles, best first.
        rows : ndarray of float32, shape (k, columns)
            Component scores as they are before this request teaches.
        now : float
            Seconds.
        anchor : int
            Handle whose edges learn: the session's node, or the top hit where it is -1.
        encode, retrieve : float
            Demand for storing and for recalling, in [0, 1].

        Raises
        ------
        TypeError
            Another dtype or layout: nothing is converted or copied.
        ValueError
            Another shape, a handle out of range, NaN or infinity; nothing was changed.
        """
        cdef float* q = f32_finite(query, self.dim, "query")
        cdef Py_ssize_t n = self._check_shown(shown, rows)
        cdef int64_t* h = <int64_t*>cnp.PyArray_DATA(shown)
        cdef float* x = <float*>cnp.PyArray_DATA(rows)
        cdef int64_t number
        check_finite(now, "now")
        if not (0.0 <= encode <= 1.0 and 0.0 <= retrieve <= 1.0):
            raise ConfigError(f"encode, retrieve: must be in [0, 1], got {encode}, {retrieve}")
        if not -1 <= anchor < self.handles:
            raise ValueError(f"anchor: {anchor} is not in [-1, {self.handles})")
        with nogil:
            number = self._observe(q, h, x, n, now, h[0] if anchor < 0 else anchor, encode,
                                   retrieve)
        return number

    cdef int64_t _observe(self, const float* query, const int64_t* shown, const float* rows,
                          Py_ssize_t n, double now, int64_t anchor, double encode,
                          double retrieve) noexcept nogil:
        cdef double novelty
        self.guard.lock()
        cdef int64_t number = self.next_number
        cdef Py_ssize_t slot = number % self.open_traces
        self.next_number += 1
        self.modulators.guard.lock()
        novelty = observe_novelty(self.modulators.current, self.modulators.native,
                                  <float*>cnp.PyArray_DATA(self.modulators._direction), query,
                                  self.dim)
        modulate_query(self.modulators.current, self.modulators.native, novelty, encode, retrieve,
                       -1)
        self.modulators.guard.unlock()
        self.traces.guard.lock()
        touch_table(self.traces.view, shown, &self.ones[0], n, now, self.traces.native)
        self.traces.guard.unlock()
        memcpy(&self.queries[slot, 0], query, self.dim * sizeof(float))
        memcpy(&self.shown[slot, 0], shown, n * sizeof(int64_t))
        memcpy(&self.rows[slot, 0, 0], rows, n * self.columns * sizeof(float))
        self.opened[slot, NUMBER], self.opened[slot, ANCHOR] = number, anchor
        self.opened[slot, SHOWN] = n
        self.guard.unlock()
        return number

    def learn(self, int64_t trace, cnp.ndarray outcomes not None, float quality, double now,
              float latency_ratio=1.0, int model_tier=0, int context_tokens=0, feedback=None,
              float recall=0.0):
        """Close a trace with its outcome; return the mean signed prediction error.

        Parameters
        ----------
        trace : int
            Number returned by `observe`.
        outcomes : ndarray of float32, shape (k,)
            Of the shown memories, in [0, 1]; above .5 counts as used.
        quality : float
            Of the answer, in [0, 1].
        now : float
            Seconds.
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
            The trace was not issued, has given way to newer ones, or is already closed.
        TypeError
            Another dtype or layout.
        ValueError
            Another shape, or a value out of its range; nothing was changed.
        """
        cdef Py_ssize_t i, n
        cdef Outcome told
        cdef bint known = False
        cdef float* r = f32_out(outcomes, "outcomes")
        n = cnp.PyArray_DIM(outcomes, 0)
        for i in range(n):
            if not 0.0 <= r[i] <= 1.0:
                raise NonFiniteError(f"outcomes: must be in [0, 1], got {r[i]}")
        if not (0.0 <= quality <= 1.0):
            raise NonFiniteError(f"quality: must be in [0, 1], got {quality}")
        check_finite(latency_ratio, "latency_ratio")
        check_finite(recall, "recall")
        check_finite(now, "now")
        told.feedback = NAN
        if feedback is not None:
            told.feedback = feedback
            check_finite(told.feedback, "feedback")
        told.quality, told.latency_ratio, told.now = quality, latency_ratio, now
        told.recall = recall
        told.model_tier, told.context_tokens = model_tier, context_tokens
        cdef Py_ssize_t slot = trace % self.open_traces if trace >= 0 else 0
        with nogil:
            self.guard.lock()
            if trace >= 0 and self.opened[slot, NUMBER] == trace:
                known = self.opened[slot, SHOWN] == n
                if known:
                    self._learn(slot, r, n, told)
            else:
                slot = -1
            self.guard.unlock()
        if slot < 0:
            raise UnknownTraceError(trace)
        if not known:
            raise ShapeError(f"outcomes: expected one per shown memory, got {n}")
        return self.modulators.current.dopamine

    def on_request(self, cnp.ndarray query not None, cnp.ndarray shown not None,
                   cnp.ndarray rows not None, cnp.ndarray outcomes not None, float quality,
                   double now, float latency_ratio=1.0, int64_t anchor=-1):
        """Do `observe` and `learn` where the outcome is already known."""
        check_extent(outcomes, 0, cnp.PyArray_DIM(shown, 0), "outcomes")
        return self.learn(self.observe(query, shown, rows, now, anchor), outcomes, quality, now,
                          latency_ratio)

    cdef void _learn(self, Py_ssize_t slot, const float* outcomes, Py_ssize_t n,
                     const Outcome& told) noexcept nogil:
        cdef const float* query = &self.queries[slot, 0]
        cdef const int64_t* shown = &self.shown[slot, 0]
        cdef Py_ssize_t i
        for i in range(n):
            prefetch_row(self.memory + shown[i] * self.dim, self.dim)
        self._rank(slot, outcomes, n)
        self._credit(shown, outcomes, n, told.now)
        self._adapt(query, shown, outcomes, n, told)
        self._rewire(slot, query, shown, outcomes, n)
        self._report(query, shown, outcomes, n, told)
        self.opened[slot, NUMBER] = -1

    cdef void _rank(self, Py_ssize_t slot, const float* outcomes, Py_ssize_t n) noexcept nogil:
        """One clipped Laplace step of the ranking weights, from the rows stored at recall."""
        cdef Py_ssize_t i
        cdef double total = 0.0
        for i in range(n):
            total += outcomes[i]
        if total > 0.0:
            laplace_step(&self.rows[slot, 0, 0], outcomes, n, self.columns, 1.0, self.clip,
                         &self.free[0], &self.signs[0], &self.scales[0], &self.w[0],
                         &self.precision[0, 0], &self.scratch[0])

    cdef void _credit(self, const int64_t* shown, const float* outcomes, Py_ssize_t n,
                      double now) noexcept nogil:
        """Three factors: gate * prediction error * eligibility, into `credit`."""
        cdef Py_ssize_t i
        self.values.guard.lock()
        for i in range(n):
            self.expected[i] = self.values.view.value[shown[i]]
        learn_table(self.values.view, shown, outcomes, n, self.values.native, &self.errors[0])
        self.values.guard.unlock()
        self.traces.guard.lock()
        read_table(self.traces.view, shown, n, now, self.traces.native, 1.0, &self.eligibility[0])
        self.traces.guard.unlock()
        self.modulators.guard.lock()
        modulate_outcome(self.modulators.current, self.modulators.native, outcomes,
                         &self.expected[0], &self.eligibility[0], n, NAN, &self.credit[0])
        self.modulators.guard.unlock()

    cdef void _adapt(self, const float* query, const int64_t* shown, const float* outcomes,
                     Py_ssize_t n, const Outcome& told) noexcept nogil:
        """Move the adapted query toward the used memories by the advantage, away where it is < 0."""
        cdef float slow = told.latency_ratio - 1.0
        if not (fabs(told.quality - 0.5) > 0.1 or told.latency_ratio > 1.2):
            return
        cdef float reward = told.quality - self.penalty * (slow if slow > 0.0 else 0.0)
        cdef float mean = 0.0, share
        cdef Py_ssize_t i, j
        cdef const float* memory
        for i in range(n):
            mean += outcomes[i] / n
        cdef float* gradient = &self.gradient[0]
        for j in range(self.dim):
            gradient[j] = 0.0
        for i in range(n):
            share = (0.5 - reward) * (outcomes[i] - mean)
            memory = self.memory + shown[i] * self.dim
            for j in range(self.dim):
                gradient[j] += share * memory[j]
        if update_lora(self.adapter.pa, self.adapter.pb, query, gradient,
                       self.adapter.rank_, self.dim, self.adapter.step):
            self.adapter.updates_ += 1

    cdef void _rewire(self, Py_ssize_t slot, const float* query, const int64_t* shown,
                      const float* outcomes, Py_ssize_t n) noexcept nogil:
        """Turn the memories by their credit; strengthen or weaken the anchor's edges to them."""
        cdef Py_ssize_t i
        cdef float rate
        for i in range(n):
            rate = self.rate * self.credit[i]
            self.signal[i] = min(max(rate, -1.0), 1.0)
            self.anchors[i] = self.opened[slot, ANCHOR]
        reconsolidate(self.memory, shown, query, 0, &self.signal[0], n, self.dim, self.tangent,
                      &self.cosine[0])
        for i in range(n):
            self.signal[i] = 1.0 if outcomes[i] > 0.5 else -1.0
            if shown[i] == self.anchors[i]:
                self.signal[i] = 0.0  # a memory has no edge to itself
        update_edges(self.edges.view, &self.anchors[0], shown, &self.signal[0], n, 0,
                     self.edges.rule)

    cdef void _report(self, const float* query, const int64_t* shown, const float* outcomes,
                      Py_ssize_t n, const Outcome& told) noexcept nogil:
        cdef Py_ssize_t i
        cdef float used = 0.0
        cdef TrajectoryFacts facts
        for i in range(n):
            used += outcomes[i] > 0.5
        facts.time, facts.retrieved = told.now, n
        facts.precision, facts.recall = used / n, told.recall
        cdef int64_t number = self.trajectories.ring.push(query, shown, facts)
        cdef Signal signal
        signal.trajectory, signal.quality, signal.feedback = number, told.quality, told.feedback
        signal.latency_ratio = told.latency_ratio
        signal.model_tier, signal.context_tokens = told.model_tier, told.context_tokens
        self.signals.queue.push(signal, NULL)

    def state(self):
        """Return everything learned, and the open traces, as named arrays.

        The vectors of the memories are the caller's; trajectories and signals are in transit.
        """
        parts = {"traces": self.traces, "values": self.values, "modulators": self.modulators,
                 "edges": self.edges, "adapter": self.adapter}
        out = {}
        for part, table in parts.items():
            out |= {f"{part}.{name}": array for name, array in table.state().items()}
        for name, array in self._own().items():
            out[name] = array.copy()
        out["next"] = np.array([self.next_number], dtype=np.int64)
        return out

    def _own(self):
        return {
            "weights": np.asarray(self.w),
            "precision": np.asarray(self.precision),
            "opened": np.asarray(self.opened),
            "queries": np.asarray(self.queries),
            "shown": np.asarray(self.shown),
            "rows": np.asarray(self.rows),
        }

    def load(self, state):
        """Take over a state returned by `state` of a loop with the same sizes.

        Raises
        ------
        SnapshotError
            The arrays do not fit.
        """
        own = self._own()
        for name, array in own.items():
            if state[name].dtype != array.dtype or state[name].shape != array.shape:
                raise SnapshotError(f"{name}: the state of a learning loop does not fit")
        for part in ("traces", "values", "modulators", "edges", "adapter"):
            prefix = part + "."
            names = {n.removeprefix(prefix): a for n, a in state.items() if n.startswith(prefix)}
            getattr(self, part).load(names)
        for name, array in own.items():
            array[:] = state[name]
        self.next_number = state["next"][0]
        # Loading may have shrunk the indices; make room for every handle again.
        cdef int64_t last = self.handles - 1
        self.traces._reserve(&last, 1)
        self.values._reserve(&last, 1)
        self.edges.reserve(self.handles, self.edges.view.max_edges)
