# distutils: language = c++
"""Values and their own marks by dense handle; import them from engrain.kernels."""
import cython
import numpy as np

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from engrain._csrc cimport (
    TdKind,
    TdRule,
    Valued,
    credit_table,
    forget_values,
    learn_table,
    mark_table,
)

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError

cnp.import_array()
include "_arrays.pxi"
include "_checks.pxi"
include "_dense.pxi"

cdef object VALUED = np.dtype([("value", np.float32), ("count", np.uint32), ("position", np.int32),
                               ("unused", np.int32)])


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
