# distutils: language = c++
"""Stateful objects of the inline path; import them from engrain.kernels.

Each owns its arrays, allocates nothing after warm-up, refuses bad input before it changes anything
and is safe to call from several threads.
"""
import cython
import numpy as np

cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.math cimport NAN
from libc.string cimport memcpy

from engrain._csrc cimport (
    Mode,
    TdKind,
    Trace,
    TraceKind,
    Valued,
    credit_table,
    forget_traces,
    forget_values,
    initial_modulators,
    learn_table,
    mark_table,
    modulate_outcome,
    modulate_query,
    observe_novelty,
    read_table,
    read_traces,
    reconsolidate,
    sample_priorities,
    score_rows,
    touch_table,
    update_priorities,
)

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError

cnp.import_array()
include "_arrays.pxi"
include "_checks.pxi"

# Above this many handles the work pays for releasing the GIL (about 2 us).
cdef Py_ssize_t MANY = 128
cdef float zero = 0.0
cdef object TRACE = np.dtype([("fast", np.float32), ("slow", np.float32), ("last", np.float64)])
cdef object VALUED = np.dtype([("value", np.float32), ("count", np.uint32), ("position", np.int32),
                               ("unused", np.int32)])


MODES = ("balanced", "encoding", "retrieval")
MODULATOR_STATE = np.dtype(
    [(name, np.float64) for name in (
        "novelty", "phasic", "norepinephrine", "acetylcholine", "boost", "mood", "serotonin",
        "discount", "dopamine", "inhibition", "gate", "seen")]
    + [("queries", np.int64), ("outcomes", np.int64), ("mode", np.int64)]
)


cdef int64_t highest(const int64_t* handles, Py_ssize_t n, int64_t max_handles) except -2:
    """Return the highest handle, -1 of none; refuse any outside [0, max_handles)."""
    cdef int64_t low = 0, high = -1
    cdef Py_ssize_t i
    for i in range(n):
        low = min(low, handles[i])
        high = max(high, handles[i])
    if low < 0 or high >= max_handles:
        raise ValueError(
            f"handles: {low if low < 0 else high} is not in [0, {max_handles}); "
            "handles are dense numbers"
        )
    return high


cdef bint have_directions(const float* m, const float* q, Py_ssize_t dim) noexcept:
    cdef float squares[2]
    score_rows(m, m, 1, dim, squares)
    score_rows(q, q, 1, dim, squares + 1)
    return 0.0 < squares[0] * squares[1]


def reconsolidate_one(cnp.ndarray memories not None, int64_t row, cnp.ndarray query not None,
                      double rate, double max_tangent, double min_mismatch=0.0):
    """Turn one memory toward or away from a query, in place; see `engrain.kernels.reconsolidate`.

    Parameters
    ----------
    memories : ndarray of float32, shape (memories, dim)
    row : int
    query : ndarray of float32, shape (dim,)
    rate : float
        In [-1, 1].
    max_tangent : float
        Of the largest turn.
    min_mismatch : float
        Least 1 - cosine for a change.

    Returns
    -------
    float or None
        Cosine before the step; None where nothing changed.

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, the row does not exist, or a value is out of range.
    """
    check_array(memories, cnp.NPY_FLOAT32, 2, True, "memories")
    cdef Py_ssize_t dim = cnp.PyArray_DIM(memories, 1)
    cdef const float* q = f32_finite(query, dim, "query")
    if not 0 <= row < cnp.PyArray_DIM(memories, 0):
        raise ValueError(f"row: {row} is not in [0, {len(memories)})")
    if not (-1.0 <= rate <= 1.0 and 0.0 < max_tangent):
        raise ConfigError(f"rate {rate} must lie in [-1, 1], max_tangent {max_tangent} above 0")
    cdef float* m = <float*>cnp.PyArray_DATA(memories) + row * dim
    cdef int64_t first = 0
    cdef float cosine, step = <float>rate
    if step == 0.0:
        return None
    reconsolidate(m, &first, q, 0, &zero, 1, dim, max_tangent, &cosine)
    if 1.0 - <double>cosine < min_mismatch:
        return None
    if cosine == 0.0 and not have_directions(m, q, dim):
        return None
    reconsolidate(m, &first, q, 0, &step, 1, dim, max_tangent, &cosine)
    return cosine


@cython.final
cdef class TraceTable:
    """A capped set of eligibility traces with lazy decay, addressed by dense handles.

    A call costs what it touches, whatever the table holds. At the cap a new handle takes the place
    of the weakest among the next eight traces in clock order, in constant time.

    Parameters
    ----------
    capacity : int
        Most traces held at once.
    rule : engrain.kernels.TraceRule
    max_handles : int
        Handles lie in [0, max_handles); the index grows up to it, four bytes a handle.

    Attributes
    ----------
    evicted : int
        Traces given up for newer ones so far.

    Raises
    ------
    ConfigError
        A capacity or `max_handles` below 1 or above 2**31 - 1.
    """

    def __init__(self, capacity, rule, max_handles=1 << 24):
        for name, value in (("capacity", capacity), ("max_handles", max_handles)):
            if not 0 < value < 2**31:
                raise ConfigError(f"{name}: must be in [1, 2**31), got {value}")
        self.rule = rule
        self.native.kind = <TraceKind><int>("accumulating", "replacing", "dutch").index(rule.kind)
        self.native.dutch = rule.dutch
        self.native.mix = rule.mix
        self.native.rate_fast = 1.0 / <double>rule.tau_fast
        self.native.rate_slow = 1.0 / <double>rule.tau_slow
        self.native.cascade = rule.cascade
        self.max_handles = max_handles
        self._take(
            np.zeros(capacity, dtype=TRACE),
            np.full(capacity, -1, dtype=np.int64),
            np.full(min(1024, max_handles), -1, dtype=np.int32),
            0, 0, 0,
        )

    def __len__(self):
        return self.view.used

    @property
    def capacity(self):
        return self.view.capacity

    @property
    def evicted(self):
        return self.view.evicted

    @property
    def handles(self):
        """Handles held, shape (len(self),), in the order of `credit`; a copy."""
        return self._owner[: self.view.used].copy()

    cdef int _reserve(self, const int64_t* handles, Py_ssize_t n) except -1:
        """Refuse handles out of range; make room in the index for the others."""
        cdef int64_t high = highest(handles, n, self.max_handles)
        if high < <int64_t>self.view.handles:
            return 0
        size = min(max(high + 1, 2 * self.view.handles), self.max_handles)
        cdef cnp.ndarray grown = np.full(size, -1, dtype=np.int32)
        # No call into NumPy under the lock: it could hand the GIL to a thread that waits for it.
        self.guard.lock()
        if <size_t>cnp.PyArray_SIZE(grown) > self.view.handles:
            memcpy(cnp.PyArray_DATA(grown), self.view.slot_of, self.view.handles * sizeof(int32_t))
            self.view.slot_of = <int32_t*>cnp.PyArray_DATA(grown)
            self.view.handles = cnp.PyArray_SIZE(grown)
            grown, self._slot_of = self._slot_of, grown
        self.guard.unlock()
        return 0

    def touch(self, cnp.ndarray handles not None, cnp.ndarray activity not None, double now):
        """Decay the traces of `handles` to `now` and mark them with `activity`.

        Parameters
        ----------
        handles : ndarray of int64, shape (k,)
            May repeat.
        activity : ndarray of float32, shape (k,)
        now : float
            Seconds; a time before a trace's last touch counts as no time passed.

        Raises
        ------
        TypeError
            Another dtype or layout: nothing is converted or copied.
        ValueError
            Shapes do not agree, a handle is out of range, or a value is not finite.
        """
        cdef int64_t* h = i64_vector(handles, "handles")
        cdef Py_ssize_t n = cnp.PyArray_DIM(handles, 0)
        cdef float* a = f32_finite(activity, n, "activity")
        check_finite(now, "now")
        self._reserve(h, n)
        if n > MANY:
            with nogil:
                self.guard.lock()
                touch_table(self.view, h, a, n, now, self.native)
                self.guard.unlock()
        else:
            self.guard.lock()
            touch_table(self.view, h, a, n, now, self.native)
            self.guard.unlock()

    def touch_one(self, int64_t handle, float activity, double now):
        """Decay the trace of one handle to `now` and mark it with `activity`.

        Raises
        ------
        ValueError
            The handle is out of range, or a value is not finite.
        """
        check_finite(activity, "activity")
        check_finite(now, "now")
        self._reserve(&handle, 1)
        self.guard.lock()
        touch_table(self.view, &handle, &activity, 1, now, self.native)
        self.guard.unlock()

    def read_one(self, int64_t handle, double now):
        """Return the trace of one handle at `now`, 0 where there is none."""
        cdef float value
        check_finite(now, "now")
        self.guard.lock()
        read_table(self.view, &handle, 1, now, self.native, 1.0, &value)
        self.guard.unlock()
        return value

    def read(self, cnp.ndarray handles not None, double now, cnp.ndarray out=None):
        """Return the traces of `handles` at `now`, 0 where there is none.

        Parameters
        ----------
        handles : ndarray of int64, shape (k,)
        now : float
            Seconds.
        out : ndarray of float32, shape (k,), optional

        Returns
        -------
        ndarray of float32, shape (k,)
        """
        cdef int64_t* h = i64_vector(handles, "handles")
        cdef Py_ssize_t n = cnp.PyArray_DIM(handles, 0)
        if out is None:
            out = np.empty(n, dtype=np.float32)
        cdef float* o = f32_out(out, "out")
        check_extent(out, 0, n, "out")
        check_finite(now, "now")
        if n > MANY:
            with nogil:
                self.guard.lock()
                read_table(self.view, h, n, now, self.native, 1.0, o)
                self.guard.unlock()
        else:
            self.guard.lock()
            read_table(self.view, h, n, now, self.native, 1.0, o)
            self.guard.unlock()
        return out

    def credit(self, double reward, double now, cnp.ndarray out not None):
        """Write ``reward * e(now)`` of every trace held into `out`, in the order of `handles`.

        Parameters
        ----------
        reward : float
        now : float
            Seconds.
        out : ndarray of float32, shape (n,), n >= len(self)
            Entries past ``len(self)`` stay as they are.

        Returns
        -------
        int
            How many were written.
        """
        cdef float* o = f32_out(out, "out")
        cdef size_t n = self.view.used
        check_finite(reward, "reward")
        check_finite(now, "now")
        if <size_t>cnp.PyArray_DIM(out, 0) < n:
            raise ShapeError(f"out: expected shape ({n},) or longer, got {(<object>out).shape}")
        with nogil:
            self.guard.lock()
            n = min(n, self.view.used)
            read_traces(self.view.traces, NULL, n, now, self.native, <float>reward, o)
            self.guard.unlock()
        return n

    def forget(self, cnp.ndarray handles not None):
        """Drop the traces of `handles`, shape (k,), int64; unknown ones are passed over."""
        cdef int64_t* h = i64_vector(handles, "handles")
        cdef Py_ssize_t n = cnp.PyArray_DIM(handles, 0)
        if n > MANY:
            with nogil:
                self.guard.lock()
                forget_traces(self.view, h, n)
                self.guard.unlock()
        else:
            self.guard.lock()
            forget_traces(self.view, h, n)
            self.guard.unlock()

    def clear(self):
        """Drop every trace."""
        self.forget(self.handles)

    def state(self):
        """Return the whole state as named arrays; `load` continues it bit for bit."""
        cdef cnp.ndarray traces = np.zeros(self.view.capacity, dtype=TRACE)
        cdef cnp.ndarray owner = np.full(self.view.capacity, -1, dtype=np.int64)
        cdef Py_ssize_t used
        self.guard.lock()
        used, hand, evicted = self.view.used, self.view.hand, self.view.evicted
        memcpy(cnp.PyArray_DATA(traces), self.view.traces, used * sizeof(Trace))
        memcpy(cnp.PyArray_DATA(owner), self.view.owner, used * sizeof(int64_t))
        self.guard.unlock()
        clock = np.array([hand, evicted], dtype=np.int64)
        return {"traces": traces[:used], "owner": owner[:used], "clock": clock}

    def load(self, state):
        """Take over a state returned by `state` of a table with the same capacity or a larger one.

        Raises
        ------
        SnapshotError
            The arrays do not fit together or do not fit this table; nothing was changed.
        """
        traces, owner, clock = state["traces"], state["owner"], state["clock"]
        if (
            traces.dtype != TRACE
            or owner.dtype != np.int64
            or clock.dtype != np.int64
            or traces.shape != owner.shape
            or traces.ndim != 1
            or clock.shape != (2,)
            or len(owner) > self.view.capacity
            or len(np.unique(owner)) != len(owner)
            or not 0 <= clock[0] <= len(owner)
            or any(not np.isfinite(traces[name]).all() for name in TRACE.names)
            or (len(owner) and not (0 <= owner.min() and owner.max() < self.max_handles))
        ):
            raise SnapshotError("the state of a trace table does not fit")
        held = len(owner)
        size = max(len(self._slot_of), int(owner.max()) + 1 if held else 0)
        new_traces = np.zeros(self.view.capacity, dtype=TRACE)
        new_owner = np.full(self.view.capacity, -1, dtype=np.int64)
        slot_of = np.full(size, -1, dtype=np.int32)
        new_traces[:held], new_owner[:held] = traces, owner
        slot_of[owner] = np.arange(held, dtype=np.int32)
        self._take(new_traces, new_owner, slot_of, held, clock[0], clock[1])

    cdef _take(self, cnp.ndarray traces, cnp.ndarray owner, cnp.ndarray slot_of, size_t used,
               size_t hand, int64_t evicted):
        self.guard.lock()
        self.view.traces = <Trace*>cnp.PyArray_DATA(traces)
        self.view.owner = <int64_t*>cnp.PyArray_DATA(owner)
        self.view.slot_of = <int32_t*>cnp.PyArray_DATA(slot_of)
        self.view.capacity = cnp.PyArray_SIZE(owner)
        self.view.handles = cnp.PyArray_SIZE(slot_of)
        self.view.used, self.view.hand, self.view.evicted = used, hand, evicted
        traces, self._traces = self._traces, traces
        owner, self._owner = self._owner, owner
        slot_of, self._slot_of = self._slot_of, slot_of
        self.guard.unlock()


@cython.final
cdef class ValueTable:
    """Expected outcome by dense handle, learned from reward prediction errors and TD(lambda).

    Parameters
    ----------
    rule : engrain.kernels.TdRule
        ``kind`` "true_online" needs transitions and is refused here; see `td_lambda`.
    default : float
        Expected outcome of a handle never seen.
    max_active : int
        Most eligibility marks held at once; beyond, the mark under the clock hand gives way.
    max_handles : int
        Handles lie in [0, max_handles); the index grows up to it, sixteen bytes a handle.

    Raises
    ------
    ConfigError
        A parameter is out of its range.
    """

    def __init__(self, rule, default=0.5, max_active=10_000, max_handles=1 << 24):
        for name, value in (("max_active", max_active), ("max_handles", max_handles)):
            if not 0 < value < 2**31:
                raise ConfigError(f"{name}: must be in [1, 2**31), got {value}")
        if not 0 <= default <= 1:
            raise ConfigError(f"default: must be in [0, 1], got {default}")
        if rule.kind == "true_online":
            raise ConfigError("kind: true_online needs the transitions; use td_lambda")
        self.rule, self.default, self.max_handles = rule, default, max_handles
        self.native.kind = <TdKind><int>("accumulating", "replacing", "dutch").index(rule.kind)
        self.native.alpha, self.native.gamma = rule.alpha, rule.gamma
        self.native.fade = rule.lam
        self._active = np.zeros(max_active, dtype=np.int64)
        self._trace = np.zeros(max_active, dtype=np.float32)
        self.view.active = <int64_t*>cnp.PyArray_DATA(self._active)
        self.view.trace = <float*>cnp.PyArray_DATA(self._trace)
        self.view.max_active = max_active
        self._take_items(self._blank(min(1024, max_handles)), False)

    def _blank(self, size):
        items = np.zeros(size, dtype=VALUED)
        items["value"], items["position"] = self.default, -1
        return items

    cdef _take_items(self, cnp.ndarray items, bint keep):
        cdef size_t old, size = cnp.PyArray_SIZE(items)
        # No call into NumPy under the lock: it could hand the GIL to a thread that waits for it.
        self.guard.lock()
        old = self.view.handles
        if keep and old >= size:  # another thread has grown it meanwhile
            self.guard.unlock()
            return
        if keep:
            memcpy(cnp.PyArray_DATA(items), self.view.items, old * sizeof(Valued))
        self.view.items = <Valued*>cnp.PyArray_DATA(items)
        self.view.handles = size
        items, self._items = self._items, items
        self.guard.unlock()

    cdef int _reserve(self, const int64_t* handles, Py_ssize_t n) except -1:
        cdef int64_t high = highest(handles, n, self.max_handles)
        if high >= <int64_t>self.view.handles:
            size = min(max(high + 1, 2 * self.view.handles), self.max_handles)
            self._take_items(self._blank(size), True)
        return 0

    @property
    def marks(self):
        """Number of eligibility marks held."""
        return self.view.used

    def expected(self, cnp.ndarray handles not None, cnp.ndarray out=None):
        """Return the expected outcome of `handles`, shape (k,); `default` where never seen."""
        cdef int64_t* h = i64_vector(handles, "handles")
        cdef Py_ssize_t i, n = cnp.PyArray_DIM(handles, 0)
        if out is None:
            out = np.empty(n, dtype=np.float32)
        cdef float* o = f32_out(out, "out")
        check_extent(out, 0, n, "out")
        self.guard.lock()
        for i in range(n):
            known = 0 <= h[i] < <int64_t>self.view.handles
            o[i] = self.view.items[h[i]].value if known else self.default
        self.guard.unlock()
        return out

    def counts(self, cnp.ndarray handles not None):
        """Return how many outcomes each of `handles` has had, int64, shape (k,)."""
        cdef int64_t* h = i64_vector(handles, "handles")
        cdef Py_ssize_t i, n = cnp.PyArray_DIM(handles, 0)
        cdef cnp.ndarray out = np.zeros(n, dtype=np.int64)
        cdef int64_t* o = <int64_t*>cnp.PyArray_DATA(out)
        self.guard.lock()
        for i in range(n):
            if 0 <= h[i] < <int64_t>self.view.handles:
                o[i] = self.view.items[h[i]].count
        self.guard.unlock()
        return out

    def learn(self, cnp.ndarray handles not None, cnp.ndarray outcomes not None,
              cnp.ndarray errors=None):
        """Return the signed errors ``clip(outcome - expected, -1, 1)`` and learn from them.

        Each handle's expectation moves by ``alpha`` times its error, its count grows and it is
        marked eligible for `credit`. Handles are taken in order and may repeat.

        Parameters
        ----------
        handles : ndarray of int64, shape (k,)
        outcomes : ndarray of float32, shape (k,)
        errors : ndarray of float32, shape (k,), optional
            Where to write the result.

        Raises
        ------
        TypeError
            Another dtype or layout.
        ValueError
            Shapes do not agree, a handle is out of range, or an outcome is not finite.
        """
        cdef int64_t* h = i64_vector(handles, "handles")
        cdef Py_ssize_t n = cnp.PyArray_DIM(handles, 0)
        cdef float* r = f32_finite(outcomes, n, "outcomes")
        if errors is None:
            errors = np.empty(n, dtype=np.float32)
        cdef float* e = f32_out(errors, "errors")
        check_extent(errors, 0, n, "errors")
        self._reserve(h, n)
        if n > MANY:
            with nogil:
                self.guard.lock()
                learn_table(self.view, h, r, n, self.native, e)
                self.guard.unlock()
        else:
            self.guard.lock()
            learn_table(self.view, h, r, n, self.native, e)
            self.guard.unlock()
        return errors

    def mark(self, cnp.ndarray handles not None):
        """Mark `handles`, shape (k,), as eligible for `credit` without an outcome."""
        cdef int64_t* h = i64_vector(handles, "handles")
        cdef Py_ssize_t n = cnp.PyArray_DIM(handles, 0)
        self._reserve(h, n)
        with nogil:
            self.guard.lock()
            mark_table(self.view, h, n, self.native)
            self.guard.unlock()

    def clear_marks(self):
        """Drop every mark; values and counts stay."""
        cdef size_t i
        self.guard.lock()
        for i in range(self.view.used):
            self.view.items[self.view.active[i]].position = -1
        self.view.used = self.view.hand = 0
        self.guard.unlock()

    def forget(self, cnp.ndarray handles not None):
        """Give `handles`, shape (k,), the default value, no count and no mark."""
        cdef int64_t* h = i64_vector(handles, "handles")
        cdef Py_ssize_t n = cnp.PyArray_DIM(handles, 0)
        self._reserve(h, n)
        with nogil:
            self.guard.lock()
            forget_values(self.view, h, n, self.default)
            self.guard.unlock()

    def credit(self, double delta):
        """Spread one error over the marks: ``V += alpha delta e``, then ``e *= gamma lambda``."""
        check_finite(delta, "delta")
        with nogil:
            self.guard.lock()
            credit_table(self.view, <float>delta, self.native)
            self.guard.unlock()

    def state(self):
        """Return the whole state as named arrays; `load` continues it bit for bit."""
        cdef size_t size = self.view.handles
        items = self._blank(size)
        active, trace = np.zeros_like(self._active), np.zeros_like(self._trace)
        self.guard.lock()
        used, hand = self.view.used, self.view.hand
        size = min(size, self.view.handles)
        memcpy(cnp.PyArray_DATA(items), self.view.items, size * sizeof(Valued))
        memcpy(cnp.PyArray_DATA(active), self.view.active, used * sizeof(int64_t))
        memcpy(cnp.PyArray_DATA(trace), self.view.trace, used * sizeof(float))
        self.guard.unlock()
        return {
            "value": items["value"].copy(),
            "count": items["count"].copy(),
            "active": active[:used],
            "trace": trace[:used],
            "hand": np.array([hand], dtype=np.int64),
        }

    def load(self, state):
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            The arrays do not fit together or do not fit this table; nothing was changed.
        """
        value, count = state["value"], state["count"]
        active, trace, hand = state["active"], state["trace"], state["hand"]
        if (
            value.dtype != np.float32
            or count.dtype != np.uint32
            or active.dtype != np.int64
            or trace.dtype != np.float32
            or value.ndim != 1
            or value.shape != count.shape
            or active.ndim != 1
            or active.shape != trace.shape
            or not 0 < len(value) <= self.max_handles
            or len(active) > len(self._active)
            or len(np.unique(active)) != len(active)
            or (len(active) and not (0 <= active.min() and active.max() < len(value)))
            or not (np.isfinite(value).all() and np.isfinite(trace).all())
            or hand.shape != (1,)
            or not 0 <= hand[0] <= len(active)
        ):
            raise SnapshotError("the state of a value table does not fit")
        items = self._blank(len(value))
        items["value"], items["count"] = value, count
        items["position"][active] = np.arange(len(active), dtype=np.int32)
        self._take_items(items, False)
        self._active[: len(active)], self._trace[: len(active)] = active, trace
        self.view.used, self.view.hand = len(active), hand[0]


@cython.final
cdef class Modulators:
    """Five neuromodulators in one struct; one call per phase of a request.

    Parameters
    ----------
    dim : int
        Length of query vectors, > 0.
    rule : engrain.kernels.ModulatorRule
    """

    def __init__(self, dim, rule):
        if dim < 1:
            raise ConfigError(f"dim: must be 1 or more, got {dim}")
        self.dim, self.rule = dim, rule
        self.native.arousal, self.native.novelty_gain = rule.arousal, rule.novelty_gain
        self.native.novelty_memory = rule.novelty_memory
        self.native.phasic_memory = rule.phasic_memory
        self.native.acetylcholine = rule.acetylcholine
        self.native.acetylcholine_rate = rule.acetylcholine_rate
        self.native.encoding, self.native.retrieval = rule.encoding, rule.retrieval
        self.native.balanced = rule.balanced
        self.native.mood, self.native.mood_rate = rule.mood, rule.mood_rate
        self.native.cap = rule.cap
        self.native.discounting = rule.discounting
        self._direction = np.zeros(dim, dtype=np.float32)
        self.current = initial_modulators(self.native)

    @property
    def values(self):
        """The state as a mapping of names to numbers (`mode` is a name)."""
        (numbers,) = self.state()["modulators"]
        fields = {name: numbers[name].item() for name in MODULATOR_STATE.names}
        return fields | {"mode": MODES[fields["mode"]]}

    @property
    def gate(self):
        return self.current.gate

    @property
    def boost(self):
        return self.current.boost

    @property
    def norepinephrine(self):
        return self.current.norepinephrine

    @property
    def serotonin(self):
        return self.current.serotonin

    @property
    def mood(self):
        return self.current.mood

    @property
    def novelty(self):
        return self.current.novelty

    @property
    def phasic(self):
        return self.current.phasic

    @property
    def acetylcholine(self):
        return self.current.acetylcholine

    @property
    def discount(self):
        return self.current.discount

    @property
    def mode(self):
        return MODES[<int>self.current.mode]

    def query(self, cnp.ndarray vector, double encode=0.0, double retrieve=0.0, mode=None):
        """Take in a query: novelty, norepinephrine and acetylcholine; return the gate.

        Parameters
        ----------
        vector : ndarray of float32, shape (dim,), or None
            None leaves the novelty at 0.
        encode, retrieve : float
            Demand for storing and for recalling, in [0, 1].
        mode : {"balanced", "encoding", "retrieval"}, optional
            Where the caller knows it.

        Raises
        ------
        TypeError
            Another dtype or layout.
        ValueError
            Another shape, NaN or infinity, a demand outside [0, 1], or an unknown mode.
        """
        cdef float* q = NULL
        cdef int forced = -1
        cdef double novelty = 0.0, gate
        if vector is not None:
            q = f32_finite(vector, self.dim, "vector")
        if not (0.0 <= encode <= 1.0 and 0.0 <= retrieve <= 1.0):
            raise ConfigError(f"encode, retrieve: must be in [0, 1], got {encode}, {retrieve}")
        if mode is not None:
            if mode not in MODES:
                raise ConfigError(f"mode: must be one of {', '.join(MODES)}, got {mode!r}")
            forced = MODES.index(mode)
        self.guard.lock()
        if q != NULL:
            novelty = observe_novelty(self.current, self.native,
                                      <float*>cnp.PyArray_DATA(self._direction), q, self.dim)
        gate = modulate_query(self.current, self.native, novelty, encode, retrieve, forced)
        self.guard.unlock()
        return gate

    def outcome(self, cnp.ndarray outcomes not None, cnp.ndarray expected not None,
                cnp.ndarray eligibility not None, session=None, cnp.ndarray signals=None):
        """Take in outcomes: dopamine and mood; return the three-factor signals.

        ``signal_i = gate * clip(outcome_i - expected_i, -1, 1) * eligibility_i``, with the gate as
        the query left it; then mood follows `session`, or the mean outcome where it is None.

        Parameters
        ----------
        outcomes, expected, eligibility : ndarray of float32, shape (k,)
        session : float, optional
        signals : ndarray of float32, shape (k,), optional
            Where to write the result.

        Raises
        ------
        TypeError
            Another dtype or layout.
        ValueError
            Shapes do not agree, or a value is not finite.
        """
        check_array(outcomes, cnp.NPY_FLOAT32, 1, False, "outcomes")
        cdef Py_ssize_t n = cnp.PyArray_DIM(outcomes, 0)
        cdef float* r = f32_finite(outcomes, n, "outcomes")
        cdef float* v = f32_finite(expected, n, "expected")
        cdef float* e = f32_finite(eligibility, n, "eligibility")
        cdef double felt = NAN
        if session is not None:
            felt = session
            check_finite(felt, "session")
        if signals is None:
            signals = np.empty(n, dtype=np.float32)
        cdef float* s = f32_out(signals, "signals")
        check_extent(signals, 0, n, "signals")
        self.guard.lock()
        modulate_outcome(self.current, self.native, r, v, e, n, felt, s)
        self.guard.unlock()
        return signals

    def state(self):
        """Return the whole state as named arrays; `load` continues it bit for bit."""
        c = self.current
        numbers = (
            c.novelty, c.phasic, c.norepinephrine, c.acetylcholine, c.boost, c.mood, c.serotonin,
            c.discount, c.dopamine, c.inhibition, c.gate, c.seen, c.queries, c.outcomes,
            <int>c.mode,
        )
        return {
            "modulators": np.array([numbers], dtype=MODULATOR_STATE),
            "direction": self._direction.copy(),
        }

    def load(self, state):
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            The arrays do not fit; nothing was changed.
        """
        numbers, direction = state["modulators"], state["direction"]
        if (
            numbers.dtype != MODULATOR_STATE
            or numbers.shape != (1,)
            or direction.dtype != np.float32
            or direction.shape != (self.dim,)
            or not np.isfinite(direction).all()
            or not all(np.isfinite(numbers[name][0]) for name in MODULATOR_STATE.names)
            or not 0 <= numbers["mode"][0] < len(MODES)
        ):
            raise SnapshotError("the state of the modulators does not fit")
        fields = {name: numbers[name][0].item() for name in MODULATOR_STATE.names}
        self._direction[:] = direction
        self.current = ModulatorState(
            fields["novelty"], fields["phasic"], fields["norepinephrine"], fields["acetylcholine"],
            fields["boost"], fields["mood"], fields["serotonin"], fields["discount"],
            fields["dopamine"], fields["inhibition"], fields["gate"], fields["seen"],
            fields["queries"], fields["outcomes"], <Mode><int>fields["mode"],
        )


@cython.final
cdef class SumTree:
    """Prioritised sampling in O(log n) (Schaul et al. 2016).

    Item i is drawn with probability ``p_i**alpha / sum p**alpha``.

    Parameters
    ----------
    capacity : int
        Items are numbered in [0, capacity); priorities start at 0.
    alpha : float
        0 draws uniformly among items of priority above 0, 1 in proportion.
    seed : int
    """

    def __init__(self, capacity, alpha=0.6, seed=0):
        if not 0 < capacity < 2**31:
            raise ConfigError(f"capacity: must be in [1, 2**31), got {capacity}")
        if not 0 <= alpha <= 10:
            raise ConfigError(f"alpha: must be in [0, 10], got {alpha}")
        self.capacity, self.alpha = capacity, alpha
        self.random = <uint64_t>(seed & 0xFFFFFFFFFFFFFFFF)
        leaves = 1 << max(1, (capacity - 1).bit_length())
        self._sum = np.zeros(2 * leaves, dtype=np.float64)
        self.view.sum = <double*>cnp.PyArray_DATA(self._sum)
        self.view.leaves = leaves

    @property
    def total(self):
        """Sum of the masses ``p**alpha``."""
        return self.view.sum[1]

    def update(self, cnp.ndarray indices not None, cnp.ndarray priorities not None):
        """Set the priorities of `indices`.

        Parameters
        ----------
        indices : ndarray of int64, shape (k,)
            Each in [0, capacity); may repeat, the last one holds.
        priorities : ndarray of float32, shape (k,)
            0 or above.

        Raises
        ------
        TypeError
            Another dtype or layout.
        ValueError
            Shapes do not agree, an index is out of range, or a priority is negative or not finite.
        """
        cdef int64_t* items = i64_vector(indices, "indices")
        cdef Py_ssize_t i, n = cnp.PyArray_DIM(indices, 0)
        cdef float* p = f32_finite(priorities, n, "priorities")
        highest(items, n, self.capacity)
        for i in range(n):
            if p[i] < 0:
                raise ConfigError(f"priorities: must be 0 or above, got {p[i]}")
        if n > MANY:
            with nogil:
                self.guard.lock()
                update_priorities(self.view, items, p, n, self.alpha)
                self.guard.unlock()
        else:
            self.guard.lock()
            update_priorities(self.view, items, p, n, self.alpha)
            self.guard.unlock()

    def sample(self, cnp.ndarray indices not None, cnp.ndarray weights not None, size,
               double beta=0.4):
        """Draw one item from each k-th of the total mass, with importance weights.

        Parameters
        ----------
        indices : ndarray of int64, shape (k,)
            Where the items are written.
        weights : ndarray of float32, shape (k,)
            Where ``(size * P)**-beta``, divided by its maximum over the batch, is written.
        size : int
            Number of items in the buffer (N of the paper).
        beta : float

        Raises
        ------
        TypeError
            Another dtype or layout.
        ValueError
            Shapes do not agree, or no item has a priority above 0.
        """
        cdef int64_t* items = i64_vector(indices, "indices")
        cdef float* w = f32_out(weights, "weights")
        cdef Py_ssize_t n = cnp.PyArray_DIM(indices, 0)
        cdef size_t many = size
        check_extent(weights, 0, n, "weights")
        check_finite(beta, "beta")
        if not cnp.PyArray_ISWRITEABLE(indices):
            raise TypeError("indices: expected an array to write into")
        if not self.view.sum[1] > 0:
            raise ConfigError("no item has a priority above 0; update priorities first")
        with nogil:
            self.guard.lock()
            sample_priorities(self.view, self.random, many, beta, n, items, w)
            self.guard.unlock()

    def state(self):
        """Return the masses and the generator as named arrays."""
        leaves = self.view.leaves
        return {
            "mass": self._sum[leaves : leaves + self.capacity].copy(),
            "random": np.array([self.random], dtype=np.uint64),
        }

    def load(self, state):
        """Take over a state returned by `state` of a tree with the same capacity.

        Raises
        ------
        SnapshotError
            The arrays do not fit; nothing was changed.
        """
        mass, random = state["mass"], state["random"]
        if (
            mass.dtype != np.float64
            or mass.shape != (self.capacity,)
            or not (np.isfinite(mass).all() and (mass >= 0).all())
            or random.dtype != np.uint64
            or random.shape != (1,)
        ):
            raise SnapshotError("the state of a sum tree does not fit")
        level = self.view.leaves
        self._sum[level : level + self.capacity] = mass
        while level > 1:
            pairs = self._sum[level : 2 * level].reshape(-1, 2)
            self._sum[level // 2 : level] = pairs[:, 0] + pairs[:, 1]
            level //= 2
        self.random = random[0]
