# distutils: language = c++
"""Bounded buffers between requests and the background; import them from engrain.kernels.

Lock-free, allocated once; when full the oldest entry gives way, and every entry is counted.
"""
import cython
import numpy as np

cimport numpy as cnp
from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t

from engrain._csrc cimport NativeQueue, RingCounts, Signal, TrajectoryFacts, TrajectoryRing

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError

cnp.import_array()
include "_arrays.pxi"
include "_checks.pxi"

SIGNAL = np.dtype(
    [
        ("trajectory", np.int64),
        ("quality", np.float32),
        ("feedback", np.float32),
        ("latency_ratio", np.float32),
        ("model_tier", np.int32),
        ("context_tokens", np.int32),
    ],
    align=True,
)
assert SIGNAL.itemsize == sizeof(Signal)


cdef dict as_mapping(RingCounts counts):
    return {
        "recorded": counts.recorded,
        "drained": counts.drained,
        "overwritten": counts.overwritten,
        "dropped": counts.dropped,
    }


cdef int check_sizes(capacity, dim) except -1:
    if not 0 < capacity <= 1 << 24:
        raise ConfigError(f"capacity: must be in [1, 2**24], got {capacity}")
    if not 0 <= dim <= 1 << 16:
        raise ConfigError(f"dim: must be in [0, 2**16], got {dim}")
    return 0


@cython.final
cdef class TrajectoryBuffer:
    """What was asked, what came back and how well, for the background to learn from.

    Any number of threads may record and drain. When the buffer is full the oldest trajectory gives
    way; at rest ``recorded == drained + overwritten + len(self)``, and `dropped` counts those that
    could not be recorded because their slot was being read.

    Parameters
    ----------
    capacity : int
        Rounded up to a power of two.
    dim : int
        Length of query vectors.
    max_ids : int
        Most retrieved memories kept of one trajectory.

    Raises
    ------
    ConfigError
        A size is out of its range.
    """

    def __cinit__(self, capacity, dim, max_ids=64):
        check_sizes(capacity, dim)
        if not 0 < max_ids <= 65536:
            raise ConfigError(f"max_ids: must be in [1, 65536], got {max_ids}")
        self.dim, self.max_ids = dim, max_ids
        self.ring = new TrajectoryRing(capacity, dim, max_ids)

    def __dealloc__(self):
        del self.ring

    def __len__(self):
        return self.ring.size()

    @property
    def capacity(self):
        return self.ring.capacity()

    @property
    def counts(self):
        """How many were recorded, drained, overwritten and dropped; none ever falls."""
        return as_mapping(self.ring.counts())

    def push(self, cnp.ndarray query not None, cnp.ndarray ids not None, double time,
             float precision=0.0, float recall=0.0):
        """Record one trajectory; return its number, or -1 if it was dropped.

        Parameters
        ----------
        query : ndarray of float32, shape (dim,)
        ids : ndarray of int64, shape (k,)
            Handles of the retrieved memories; the first `max_ids` are kept.
        time : float
            Seconds.
        precision, recall : float

        Raises
        ------
        TypeError
            Another dtype or layout: nothing is converted or copied.
        ValueError
            Another shape, NaN or infinity.
        """
        cdef float* q = f32_finite(query, self.dim, "query")
        cdef int64_t* i = i64_vector(ids, "ids")
        check_finite(time, "time")
        check_finite(precision, "precision")
        check_finite(recall, "recall")
        cdef TrajectoryFacts facts
        facts.time, facts.precision, facts.recall = time, precision, recall
        facts.retrieved = min(cnp.PyArray_DIM(ids, 0), self.max_ids)
        return self.ring.push(q, i, facts)

    def drain(self, limit=None):
        """Take out up to `limit` trajectories, oldest first.

        Returns
        -------
        dict of str to ndarray
            ``number`` int64 (n,), ``query`` float32 (n, dim), ``ids`` int64 (n, max_ids) padded
            with -1, ``time`` float64 (n,), ``precision`` and ``recall`` float32 (n,).
        """
        cdef Py_ssize_t n = self.ring.size() if limit is None else min(limit, self.ring.size())
        cdef cnp.ndarray query = np.empty((n, self.dim), dtype=np.float32)
        cdef cnp.ndarray ids = np.full((n, self.max_ids), -1, dtype=np.int64)
        cdef cnp.ndarray time = np.empty(n, dtype=np.float64)
        cdef cnp.ndarray precision = np.empty(n, dtype=np.float32)
        cdef cnp.ndarray recall = np.empty(n, dtype=np.float32)
        cdef cnp.ndarray number = np.empty(n, dtype=np.int64)
        cdef float* q = <float*>cnp.PyArray_DATA(query)
        cdef int64_t* i = <int64_t*>cnp.PyArray_DATA(ids)
        cdef double* t = <double*>cnp.PyArray_DATA(time)
        cdef float* p = <float*>cnp.PyArray_DATA(precision)
        cdef float* r = <float*>cnp.PyArray_DATA(recall)
        cdef int64_t* k = <int64_t*>cnp.PyArray_DATA(number)
        cdef TrajectoryFacts facts
        cdef Py_ssize_t taken = 0
        with nogil:
            while taken < n and self.ring.pop(q + taken * self.dim, i + taken * self.max_ids,
                                              facts, k[taken]):
                t[taken], p[taken], r[taken] = facts.time, facts.precision, facts.recall
                taken += 1
        return {
            "number": number[:taken],
            "query": query[:taken],
            "ids": ids[:taken],
            "time": time[:taken],
            "precision": precision[:taken],
            "recall": recall[:taken],
        }


@cython.final
cdef class SignalQueue:
    """Learning signals on their way to the background; the oldest give way when it is full.

    Any number of threads may enqueue and drain. Counts as in `TrajectoryBuffer`.

    Parameters
    ----------
    capacity : int
        Rounded up to a power of two.
    dim : int
        Length of the query that each signal carries; 0 where the trajectory's number is enough.

    Raises
    ------
    ConfigError
        A size is out of its range.
    """

    def __cinit__(self, capacity, dim=0):
        check_sizes(capacity, dim)
        self.dim = dim
        self.queue = new NativeQueue(capacity, dim)

    def __dealloc__(self):
        del self.queue

    def __len__(self):
        return self.queue.size()

    @property
    def capacity(self):
        return self.queue.capacity()

    @property
    def counts(self):
        """How many were recorded, drained, overwritten and dropped; none ever falls."""
        return as_mapping(self.queue.counts())

    def enqueue(self, int64_t trajectory, float quality, float latency_ratio=1.0,
                int32_t model_tier=0, int32_t context_tokens=0, feedback=None,
                cnp.ndarray query=None):
        """Add one signal; return False if it was dropped.

        Parameters
        ----------
        trajectory : int
            Number of its trajectory, or -1.
        quality : float
            In [0, 1].
        latency_ratio : float
            Measured over wanted latency.
        model_tier, context_tokens : int
        feedback : float, optional
            Explicit, in [0, 1].
        query : ndarray of float32, shape (dim,)
            Needed where `dim` is above 0.

        Raises
        ------
        TypeError
            Another dtype or layout.
        ValueError
            Another shape, NaN or infinity.
        """
        cdef Signal signal
        cdef float* q = NULL
        check_finite(quality, "quality")
        check_finite(latency_ratio, "latency_ratio")
        signal.feedback = NAN
        if feedback is not None:
            signal.feedback = feedback
            check_finite(signal.feedback, "feedback")
        if self.dim:
            if query is None:
                raise ShapeError(f"query: expected shape ({self.dim},), got None")
            q = f32_finite(query, self.dim, "query")
        signal.trajectory, signal.quality = trajectory, quality
        signal.latency_ratio = latency_ratio
        signal.model_tier, signal.context_tokens = model_tier, context_tokens
        return self.queue.push(signal, q)

    def enqueue_many(self, cnp.ndarray trajectory not None, cnp.ndarray quality not None):
        """Add signals with these trajectories and qualities; return how many were taken.

        Parameters
        ----------
        trajectory : ndarray of int64, shape (k,)
        quality : ndarray of float32, shape (k,)
        """
        cdef int64_t* t = i64_vector(trajectory, "trajectory")
        cdef Py_ssize_t i, taken = 0, n = cnp.PyArray_DIM(trajectory, 0)
        cdef float* r = f32_finite(quality, n, "quality")
        cdef Signal signal
        if self.dim:
            raise ShapeError("these signals carry queries; enqueue them one by one")
        with nogil:
            for i in range(n):
                signal = Signal(t[i], r[i], NAN, 1.0, 0, 0)
                taken += self.queue.push(signal, NULL)
        return taken

    def drain(self, limit=None):
        """Take out up to `limit` signals, oldest first.

        Returns
        -------
        dict of str to ndarray
            ``trajectory`` int64, ``quality``, ``feedback`` (NaN where none) and ``latency_ratio``
            float32, ``model_tier`` and ``context_tokens`` int32, all (n,), ``query`` (n, dim).
        """
        cdef Py_ssize_t n = self.queue.size() if limit is None else min(limit, self.queue.size())
        cdef cnp.ndarray query = np.empty((n, self.dim), dtype=np.float32)
        cdef cnp.ndarray signals = np.empty(n, dtype=SIGNAL)
        cdef float* q = <float*>cnp.PyArray_DATA(query)
        cdef Signal* s = <Signal*>cnp.PyArray_DATA(signals)
        cdef Py_ssize_t taken = 0
        with nogil:
            while taken < n and self.queue.pop(s[taken], q + taken * self.dim):
                taken += 1
        fields = {name: signals[name][:taken].copy() for name in SIGNAL.names}
        return fields | {"query": query[:taken]}
