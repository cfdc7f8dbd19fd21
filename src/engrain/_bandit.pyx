# A linear contextual bandit that owns its arrays, for the inline path.
import numpy as np

cimport numpy as cnp
from libc.math cimport isfinite, sqrt
from libc.stdint cimport uint64_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

from engrain._csrc cimport (
    Bandit, all_finite, learn_arm, packed_start, reset_arms, score_arms, thompson_probabilities,
)

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError

cnp.import_array()
include "_arrays.pxi"

RULES = ("ucb", "thompson")


cdef double next_uniform(uint64_t* state) noexcept nogil:
    # SplitMix64, Steele et al. (2014); uniform in [0, 1).
    state[0] += <uint64_t>0x9E3779B97F4A7C15
    cdef uint64_t z = state[0]
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
    return <double>((z ^ (z >> 31)) >> 11) * 1.1102230246251565e-16


cdef object array_of(const vector[float]& values):
    cdef cnp.npy_intp n = values.size()
    array = cnp.PyArray_EMPTY(1, &n, cnp.NPY_FLOAT32, 0)
    memcpy(cnp.PyArray_DATA(array), values.data(), n * sizeof(float))
    return array


cdef class LinearBandit:
    """Ridge regression per arm; arms are drawn from probabilities that are known exactly."""

    cdef Bandit view
    cdef cnp.ndarray inverse, theta_
    cdef vector[float] x, z, mean, deviation, scale, probability
    cdef uint64_t random
    cdef long long learned_
    cdef bint thompson, large
    cdef float alpha_, ridge_, floor_

    def __init__(self, dim, arms, *, rule="thompson", alpha=0.1, ridge=0.1, floor=0.0, seed=0):
        if not (0 < dim <= 8192 and 1 <= arms <= 4096):
            raise ConfigError(f"dim, arms: expected dim in 1..8192 and arms in 1..4096, got {dim}, "
                              f"{arms}")
        if rule not in RULES:
            raise ConfigError(f"rule: expected one of {RULES}, got {rule!r}")
        if not (0.0 <= alpha < np.inf and 1e-6 <= ridge < np.inf and 0.0 <= floor <= 1.0):
            raise ConfigError("expected a finite alpha >= 0, a finite ridge >= 1e-6 and floor in "
                              f"[0, 1], got {alpha!r}, {ridge!r}, {floor!r}")
        width = (dim + 15) // 16 * 16
        self.view.dim, self.view.arms, self.view.width = dim, arms, width
        self.thompson = rule == "thompson"
        self.alpha_, self.ridge_, self.floor_ = alpha, ridge, floor
        self.random = <uint64_t>(int(seed) & 0xFFFFFFFFFFFFFFFF)
        self.large = dim * dim * arms > 40000
        self.x.resize(width)
        self.z.resize(width)
        self.mean.resize(arms)
        self.deviation.resize(arms)
        self.scale.resize(arms)
        self.probability.resize(arms)
        self.adopt(np.zeros(arms * packed_start(dim), np.float32),
                   np.zeros(arms * width, np.float32), 0)
        reset_arms(self.view, self.ridge_)

    cdef adopt(self, inverse, theta, long long learned):
        self.inverse, self.theta_, self.learned_ = inverse, theta, learned
        self.view.inverse = <float*> cnp.PyArray_DATA(inverse)
        self.view.theta = <float*> cnp.PyArray_DATA(theta)

    @property
    def dim(self):
        return self.view.dim

    @property
    def arms(self):
        return self.view.arms

    @property
    def rule(self):
        return "thompson" if self.thompson else "ucb"

    @property
    def learned(self):
        return self.learned_

    @property
    def theta(self):
        """The weights of each arm, a copy of shape (arms, dim)."""
        whole = self.theta_.reshape(self.view.arms, self.view.width)
        return whole[:, : self.view.dim].copy()

    cdef int take(self, object x) except -1:
        cdef float* px = f32_vector(x, self.view.dim, "x")
        if not all_finite(px, self.view.dim):
            raise NonFiniteError("x: contains NaN or infinity")
        memcpy(self.x.data(), px, self.view.dim * sizeof(float))
        return 0

    cdef void weigh(self) noexcept nogil:
        cdef size_t a, arms = self.view.arms, ties = 0
        cdef float* mean = self.mean.data()
        cdef float* deviation = self.deviation.data()
        cdef float* p = self.probability.data()
        cdef float best, share = self.floor_ / <float>arms
        score_arms(self.view, self.x.data(), mean, deviation)
        for a in range(arms):
            deviation[a] = self.alpha_ * <float>sqrt(deviation[a])
        if self.thompson:
            thompson_probabilities(mean, deviation, arms, self.scale.data(), p)
        else:
            best = mean[0] + deviation[0]
            for a in range(arms):
                p[a] = mean[a] + deviation[a]
                best = max(best, p[a])
            for a in range(arms):
                ties += p[a] == best
            for a in range(arms):
                p[a] = 1.0 / <float>ties if p[a] == best else 0.0
        if self.floor_ > 0:
            for a in range(arms):
                p[a] = share + (1.0 - self.floor_) * p[a]

    cdef size_t draw(self) noexcept nogil:
        cdef size_t a, chosen = 0
        cdef double total = 0, seen = 0, at
        for a in range(self.view.arms):
            total += self.probability[a]
        at = next_uniform(&self.random) * total
        for a in range(self.view.arms):
            if self.probability[a] > 0:
                chosen = a
                seen += self.probability[a]
                if at < seen:
                    break
        return chosen

    def choose(self, x):
        """Draw an arm for a context; return it and the probability it was drawn with.

        Parameters
        ----------
        x : ndarray of float32, shape (dim,)

        Returns
        -------
        arm : int
        propensity : float
        """
        cdef size_t arm
        self.take(x)
        if self.large:
            with nogil:
                self.weigh()
        else:
            self.weigh()
        arm = self.draw()
        return arm, self.probability[arm]

    def probabilities(self, x):
        """Return the probability of each arm for a context, float32 of shape (arms,)."""
        self.take(x)
        self.weigh()
        return array_of(self.probability)

    def score(self, x):
        """Return mean and deviation (alpha included) of each arm's reward for a context."""
        self.take(x)
        self.weigh()
        return array_of(self.mean), array_of(self.deviation)

    def learn(self, x, Py_ssize_t arm, float reward):
        """Learn what an arm brought in a context.

        Raises
        ------
        ConfigError
            No such arm.
        NonFiniteError
            `x` or the reward is not finite, or so large that a step is not; nothing was changed.
        """
        cdef bint done
        if not 0 <= arm < <Py_ssize_t>self.view.arms:
            raise ConfigError(f"arm: expected a number in [0, {self.view.arms}), got {arm}")
        if not isfinite(reward):
            raise NonFiniteError(f"reward: must be finite, got {reward}")
        self.take(x)
        if self.large:
            with nogil:
                done = learn_arm(self.view, arm, self.x.data(), reward, self.z.data())
        else:
            done = learn_arm(self.view, arm, self.x.data(), reward, self.z.data())
        if not done:
            raise NonFiniteError("x: so large that the step is not finite; scale the features")
        self.learned_ += 1

    def reset(self):
        """Forget everything learned; the generator goes on."""
        reset_arms(self.view, self.ridge_)
        self.learned_ = 0

    def state(self):
        """Return copies of everything learned and the generator: `load` restores bit for bit."""
        return {"inverse": self.inverse.copy(), "theta": self.theta_.copy(),
                "learned": np.array([self.learned_], np.int64),
                "random": np.array([self.random], np.uint64)}

    def load(self, state):
        """Take over what `state` returned; dim and arms must agree."""
        for name, held in (("inverse", self.inverse), ("theta", self.theta_)):
            given = state[name]
            if given.shape != (len(held),) or given.dtype != np.float32 \
                    or not np.isfinite(given).all():
                raise SnapshotError(f"{name}: expected finite float32 of shape ({len(held)},), got "
                                    f"{given.dtype} {given.shape}")
        self.adopt(np.array(state["inverse"]), np.array(state["theta"]), int(state["learned"][0]))
        self.random = <uint64_t>int(state["random"][0])
