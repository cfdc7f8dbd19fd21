# distutils: language = c++
"""Eligibility traces by dense handle; import them from engrain.kernels."""
import cython
import numpy as np

cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

from engrain._csrc cimport (
    Trace,
    TraceKind,
    TraceRule,
    forget_traces,
    read_table,
    read_traces,
    touch_table,
)

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError

cnp.import_array()
include "_arrays.pxi"
include "_checks.pxi"
include "_dense.pxi"

cdef object TRACE = np.dtype([("fast", np.float32), ("slow", np.float32), ("last", np.float64)])


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
