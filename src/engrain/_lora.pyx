# One low-rank adapter that owns its factors, for the inline path.
import numpy as np

cimport numpy as cnp

from engrain._csrc cimport LoraStep, apply_lora, follow_lora, project_lora, update_lora

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError

cnp.import_array()
include "_arrays.pxi"


cdef class MicroLoRA:
    """A residual adapter y = x + scale * B^T A x that learns from gradients at its output."""

    def __init__(self, dim, rank=2, *, learning_rate=0.1, scale=1.0, decay=1.0, epsilon=1e-3,
                 seed=0):
        if not (0 < dim and 1 <= rank <= 64):
            raise ConfigError(f"dim, rank: expected dim > 0 and rank in 1..64, got {dim}, {rank}")
        for name, value in (("learning_rate", learning_rate), ("scale", scale),
                            ("epsilon", epsilon)):
            if not 0.0 < value < np.inf:
                raise ConfigError(f"{name}: expected a finite number above 0, got {value!r}")
        if not 0.0 < decay <= 1.0:
            raise ConfigError(f"decay: expected a number in (0, 1], got {decay!r}")
        self.dim_, self.rank_ = dim, rank
        self.large = dim * rank > 20000
        self.step = LoraStep(learning_rate, scale, decay, epsilon, True)
        self.reset(seed)

    def reset(self, seed=0):
        """Return to the identity: B = 0 and fresh A ~ N(0, 1 / dim)."""
        rng = np.random.Generator(np.random.Philox(seed))
        a = rng.standard_normal((self.rank_, self.dim_)) / np.sqrt(self.dim_)
        self.adopt(a.astype(np.float32), np.zeros((self.rank_, self.dim_), dtype=np.float32), 0)

    cdef adopt(self, a, b, long long updates):
        self.a_, self.b_, self.updates_ = a, b, updates
        self.pa, self.pb = <float*> cnp.PyArray_DATA(a), <float*> cnp.PyArray_DATA(b)

    @property
    def dim(self):
        return self.dim_

    @property
    def rank(self):
        return self.rank_

    @property
    def scale(self):
        return self.step.scale

    @property
    def updates(self):
        return self.updates_

    @property
    def a(self):
        view = self.a_.view()
        view.flags.writeable = False
        return view

    @property
    def b(self):
        view = self.b_.view()
        view.flags.writeable = False
        return view

    def apply(self, x, out=None):
        """Return the adapted x, in `out` if given; bit for bit x as long as nothing was learned."""
        cdef float* px = f32_vector(x, self.dim_, "x")
        cdef float* po
        if out is None:
            out = cnp.PyArray_EMPTY(1, &self.dim_, cnp.NPY_FLOAT32, 0)
        else:
            check_array(out, cnp.NPY_FLOAT32, 1, True, "out")
        po = f32_vector(out, self.dim_, "out")
        cdef Py_ssize_t rank = self.rank_ if self.updates_ else 0
        if self.large:
            with nogil:
                apply_lora(self.pa, self.pb, px, rank, self.dim_, self.step.scale, po)
        else:
            apply_lora(self.pa, self.pb, px, rank, self.dim_, self.step.scale, po)
        return out

    def update(self, x, gradient):
        """Take one normalised step of both factors against the gradient at the output for x."""
        cdef float* px = f32_vector(x, self.dim_, "x")
        cdef float* pg = f32_vector(gradient, self.dim_, "gradient")
        cdef bint done
        if self.large:
            with nogil:
                done = update_lora(self.pa, self.pb, px, pg, self.rank_, self.dim_, self.step)
        else:
            done = update_lora(self.pa, self.pb, px, pg, self.rank_, self.dim_, self.step)
        if not done:
            raise NonFiniteError(
                "x, gradient: contain NaN, infinity, or values whose square is not finite"
            )
        self.updates_ += 1

    def study(self, queries, directions, advantages, places):
        """Step on ``-advantage log sigmoid(y . direction)`` for the rows at `places`, in order.

        Where one is refused with NonFiniteError those before it have been learned.
        """
        for name, rows in (("queries", queries), ("directions", directions)):
            check_array(rows, cnp.NPY_FLOAT32, 2, False, name)
            check_extent(rows, 1, self.dim_, name)
        cdef Py_ssize_t n = len(queries), count = len(places), i = 0
        check_extent(directions, 0, n, "directions")
        cdef float* px = <float*> cnp.PyArray_DATA(queries)
        cdef float* pd = <float*> cnp.PyArray_DATA(directions)
        cdef float* weight = f32_vector(advantages, n, "advantages")
        cdef cnp.int64_t* at = i64_vector(places, "places")
        for i in range(count):
            if not 0 <= at[i] < n:
                raise ShapeError(f"places: {at[i]} is not in [0, {n})")
        cdef bint done = True
        i = 0
        with nogil:
            while i < count and done:
                done = follow_lora(self.pa, self.pb, px + at[i] * self.dim_,
                                   pd + at[i] * self.dim_, weight[at[i]], self.rank_, self.dim_,
                                   self.step)
                i += done
        self.updates_ += i
        if not done:
            raise NonFiniteError(
                f"queries, directions, advantages: row {at[i]} contains NaN, infinity, or values "
                "whose square is not finite"
            )

    def project(self, float radius):
        """Shrink B until |scale * B^T A| <= radius (Frobenius); return the norm as it was."""
        if not radius >= 0.0:
            raise ConfigError(f"radius: expected a number of at least 0, got {radius!r}")
        return project_lora(self.pa, self.pb, self.rank_, self.dim_, self.step.scale, radius)

    def state(self):
        """Return copies of everything learned: restores bit for bit with `load`."""
        return {"a": self.a_.copy(), "b": self.b_.copy(),
                "updates": np.array([self.updates_], dtype=np.int64)}

    def load(self, state):
        """Take over what `state` returned; dim and rank must agree."""
        shape = (self.rank_, self.dim_)
        for name, array in (("a", state["a"]), ("b", state["b"])):
            if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
                raise SnapshotError(f"{name}: expected finite float32 of shape {shape}, got "
                                    f"{array.dtype} {array.shape}")
        self.adopt(np.array(state["a"], order="C"), np.array(state["b"], order="C"),
                   int(state["updates"][0]))
