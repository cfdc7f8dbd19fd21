# distutils: language = c++
"""Prioritised sampling; import it from engrain.kernels."""
import cython
import numpy as np

cimport numpy as cnp
from libc.stdint cimport int64_t, uint64_t

from engrain._csrc cimport sample_priorities, update_priorities

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError

cnp.import_array()
include "_arrays.pxi"
include "_checks.pxi"
include "_dense.pxi"


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
