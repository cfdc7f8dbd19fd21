# distutils: language = c++
"""Tests by betting and what they keep from doing harm; import them from engrain.kernels."""
import numpy as np

cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

from engrain._csrc cimport all_finite
from engrain._ranking cimport CRanker, RankerState

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError

cnp.import_array()
include "_arrays.pxi"

cdef extern from "engrain/bets.hpp" namespace "engrain" nogil:
    cdef cppclass CBets "engrain::Bets":
        double wealth[5]
        double observe(double x, bint renewed)
        void restart()

cdef extern from "engrain/rank.hpp" namespace "engrain" nogil:
    void c_weigh_rows "engrain::weigh_rows"(const float* rows, const double* weights, size_t n,
                                            size_t columns, float* out)

cdef extern from "engrain/safeguard.hpp" namespace "engrain" nogil:
    cdef cppclass CGate "engrain::Gate":
        CGate(vector[int32_t] group, size_t groups) except +
        void reserve(size_t n) except +
        void blend(const double* full, const double* control, double* out)
        void observe(const float* rows, const float* outcomes, size_t n, const double* full,
                     const double* control, double share)
        vector[uint8_t] open
        vector[CBets] bets

    cdef enum class Verdict "engrain::Keeper::Verdict":
        open
        better
        worse

    cdef cppclass CKeeper "engrain::Keeper":
        CKeeper(const CRanker& live, double alpha) except +
        void reserve(size_t n) except +
        Verdict observe(CRanker& live, const float* rows, const float* outcomes, size_t n,
                        double share)
        CBets worse, better
        int64_t chapter
        vector[double] weights, scales, precision, moments
        vector[int64_t] seen

BETS = 5


cdef cnp.ndarray wealth_of(CBets& bets):
    cdef cnp.ndarray out = np.empty(BETS)
    memcpy(cnp.PyArray_DATA(out), bets.wealth, sizeof(bets.wealth))
    return out


cdef int take_wealth(object values, CBets& bets) except -1:
    cdef cnp.ndarray wealth = np.ascontiguousarray(values, dtype=np.float64)
    if (<object>wealth).shape != (BETS,):
        raise ShapeError(f"wealth: expected shape ({BETS},), got {(<object>wealth).shape}")
    if not ((<object>wealth) >= 0).all():
        raise NonFiniteError("wealth: expected numbers of at least 0")
    memcpy(bets.wealth, cnp.PyArray_DATA(wealth), sizeof(bets.wealth))
    return 0


cdef class Bets:
    """Wealth of five bets that numbers in [-1, 1] have a mean above 0.

    While every conditional mean is at most 0, the wealth ever reaches 1 / alpha with probability
    at most alpha, so that it may be looked at after every number. `renewed`, a bet that is lost
    starts over: then 1 / alpha numbers or more pass on average until 1 / alpha is reached, and a
    change is found however long nothing changed before.

    Parameters
    ----------
    renewed : bool

    Attributes
    ----------
    wealth : ndarray of float64, shape (5,)
        Of each bet; to be set when a state is restored.

    References
    ----------
    Ville, Étude critique de la notion de collectif (1939); Shin, Ramdas & Rinaldo, E-detectors,
    New England J. Stat. Data Sci. 2 (2024) 229-260.
    """

    cdef CBets core
    cdef readonly bint renewed

    def __init__(self, *, bint renewed=False):
        self.renewed = renewed

    def observe(self, double x):
        """Bet on one number; return the mean wealth after it.

        Raises
        ------
        ValueError
            A number outside [-1, 1]; nothing was changed.
        """
        if not -1.0 <= x <= 1.0:
            raise ValueError(f"x: expected a number in [-1, 1], got {x}")
        return self.core.observe(x, self.renewed)

    def restart(self):
        """Go back to a wealth of 1."""
        self.core.restart()

    @property
    def wealth(self):
        return wealth_of(self.core)

    @wealth.setter
    def wealth(self, values):
        take_wealth(values, self.core)


cdef class SafeguardState:
    """Gate and last proven weights of a ranking model and its control; see
    `engrain.memory.safeguard`."""

    cdef CGate* gate
    cdef CKeeper* keepers[2]
    cdef readonly RankerState model, control
    cdef readonly Py_ssize_t columns
    cdef vector[double] weights_

    def __cinit__(self, *args, **options):
        self.gate = NULL
        self.keepers[0] = self.keepers[1] = NULL

    def __init__(self, RankerState model not None, RankerState control not None, group, groups,
                 alpha):
        cdef vector[int32_t] of = group
        if len(group) != len(model) or len(model) != len(control):
            raise ShapeError(f"group: expected one per column, {len(model)}, got {len(group)}")
        if not all(-1 <= g < groups for g in group) or not 0 < alpha < 1:
            raise ConfigError(
                f"expected groups in [-1, {groups}) and alpha in (0, 1), got {list(group)}, {alpha}"
            )
        self.model, self.control, self.columns = model, control, len(model)
        self.gate = new CGate(of, groups)
        self.keepers[0] = new CKeeper(model.core[0], 0.5 * alpha)
        self.keepers[1] = new CKeeper(control.core[0], 0.5 * alpha)
        self.weights_.resize(self.columns)

    def __dealloc__(self):
        del self.gate
        del self.keepers[0]
        del self.keepers[1]

    def observe(self, cnp.ndarray rows not None, cnp.ndarray outcomes not None, double share=1.0):
        """Take in one list before it teaches.

        Parameters
        ----------
        rows : ndarray of float32, shape (n, columns)
        outcomes : ndarray of float32, shape (n,)
            In [0, 1]; a list whose outcomes sum to 0 says nothing.
        share : float
            How much the list counts, in [0, 1].

        Returns
        -------
        better, worse : bool
            The model was proven better than what was kept, and is kept now; or worse, and is what
            was kept now.
        """
        check_array(rows, cnp.NPY_FLOAT32, 2, False, "rows")
        check_array(outcomes, cnp.NPY_FLOAT32, 1, False, "outcomes")
        cdef Py_ssize_t i, n = cnp.PyArray_DIM(rows, 0)
        check_extent(rows, 1, self.columns, "rows")
        check_extent(outcomes, 0, n, "outcomes")
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share: expected a number in [0, 1], got {share}")
        cdef const float* x = <const float*>cnp.PyArray_DATA(rows)
        cdef const float* y = <const float*>cnp.PyArray_DATA(outcomes)
        cdef float told = 0
        for i in range(n):
            if not 0.0 <= y[i] <= 1.0:
                raise NonFiniteError(f"outcomes: expected numbers in [0, 1], got {y[i]}")
            told += y[i]
        if not all_finite(x, n * self.columns):
            raise NonFiniteError("rows: contains NaN or infinity")
        if told == 0.0 or share == 0.0:
            return False, False
        self.gate.reserve(n)
        self.keepers[0].reserve(n)
        self.keepers[1].reserve(n)
        self.gate.observe(x, y, n, self.model.core.weights.data(),
                          self.control.core.weights.data(), share)
        cdef Verdict of_model = self.keepers[0].observe(self.model.core[0], x, y, n, share)
        cdef Verdict of_control = self.keepers[1].observe(self.control.core[0], x, y, n, share)
        return of_model == Verdict.better, Verdict.worse in (of_model, of_control)

    cdef void blend(self) noexcept:
        self.gate.blend(self.model.core.weights.data(), self.control.core.weights.data(),
                        self.weights_.data())

    def score(self, cnp.ndarray rows not None):
        """Return w.x per row by the weights in force, shape (n,); rows: (n, columns) float32."""
        check_array(rows, cnp.NPY_FLOAT32, 2, False, "rows")
        check_extent(rows, 1, self.columns, "rows")
        cdef Py_ssize_t n = cnp.PyArray_DIM(rows, 0)
        cdef cnp.ndarray out = np.empty(n, dtype=np.float32)
        self.blend()
        c_weigh_rows(<const float*>cnp.PyArray_DATA(rows), self.weights_.data(), n, self.columns,
                     <float*>cnp.PyArray_DATA(out))
        return out

    def addends(self, cnp.ndarray rows not None):
        """Return weight times value, shape (n, columns); rows: (n, columns) float32."""
        check_array(rows, cnp.NPY_FLOAT32, 2, False, "rows")
        check_extent(rows, 1, self.columns, "rows")
        cdef Py_ssize_t i, j, n = cnp.PyArray_DIM(rows, 0), columns = self.columns
        cdef cnp.ndarray out = np.empty((n, columns), dtype=np.float32)
        cdef const float* x = <const float*>cnp.PyArray_DATA(rows)
        cdef float* to = <float*>cnp.PyArray_DATA(out)
        self.blend()
        for i in range(n):
            for j in range(columns):
                to[i * columns + j] = x[i * columns + j] * <float>self.weights_[j]
        return out

    @property
    def weights(self):
        """The weights in force, shape (columns,)."""
        self.blend()
        return np.array(self.weights_, dtype=np.float64)

    @property
    def open(self):
        """Whether each group is in force, shape (groups,)."""
        return np.array(self.gate.open, dtype=np.bool_)

    @property
    def chapters(self):
        """How often the model and the control have been proven better or worse."""
        return self.keepers[0].chapter - 1, self.keepers[1].chapter - 1

    def state(self):
        """Return everything that `load` needs, as named arrays."""
        cdef size_t g, k
        wealth = [wealth_of(self.gate.bets[g]) for g in range(self.gate.open.size())]
        out = {"open": self.open, "wealth": np.array(wealth).reshape(-1, BETS)}
        for k, name in enumerate(("model", "control")):
            c = self.columns
            out |= {
                f"{name}/weights": np.array(self.keepers[k].weights),
                f"{name}/scales": np.array(self.keepers[k].scales),
                f"{name}/precision": np.array(self.keepers[k].precision).reshape(c, c),
                f"{name}/moments": np.array(self.keepers[k].moments).reshape(3, c),
                f"{name}/seen": np.array(self.keepers[k].seen, dtype=np.int64),
                f"{name}/chapter": np.array([self.keepers[k].chapter], dtype=np.int64),
                f"{name}/wealth": np.stack(
                    [wealth_of(self.keepers[k].worse), wealth_of(self.keepers[k].better)]),
            }
        return out

    def load(self, state):
        """Take over a state returned by `state`.

        Raises
        ------
        ShapeError
            It is of other groups or columns; nothing was changed.
        """
        own = self.state()
        for name, array in own.items():
            if np.shape(state[name]) != array.shape:
                raise ShapeError(f"{name}: expected shape {array.shape}, got {np.shape(state[name])}")
        cdef size_t g, k
        for g in range(self.gate.open.size()):
            self.gate.open[g] = bool(state["open"][g])
            take_wealth(state["wealth"][g], self.gate.bets[g])
        for k, name in enumerate(("model", "control")):
            self.keepers[k].weights = np.ravel(state[f"{name}/weights"])
            self.keepers[k].scales = np.ravel(state[f"{name}/scales"])
            self.keepers[k].precision = np.ravel(state[f"{name}/precision"])
            self.keepers[k].moments = np.ravel(state[f"{name}/moments"])
            self.keepers[k].seen = np.ravel(state[f"{name}/seen"])
            self.keepers[k].chapter = state[f"{name}/chapter"][0]
            take_wealth(state[f"{name}/wealth"][0], self.keepers[k].worse)
            take_wealth(state[f"{name}/wealth"][1], self.keepers[k].better)
