# distutils: language = c++
"""Five neuromodulators in one struct; import them from engrain.kernels."""
import cython
import numpy as np

cimport numpy as cnp
from libc.math cimport NAN

from engrain._csrc cimport (
    Mode,
    ModulatorRule,
    ModulatorState,
    initial_modulators,
    modulate_outcome,
    modulate_query,
    observe_novelty,
)

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError

cnp.import_array()
include "_arrays.pxi"
include "_checks.pxi"

MODES = ("balanced", "encoding", "retrieval")
MODULATOR_STATE = np.dtype(
    [(name, np.float64) for name in (
        "novelty", "phasic", "norepinephrine", "acetylcholine", "boost", "mood", "serotonin",
        "discount", "dopamine", "inhibition", "gate", "seen")]
    + [("queries", np.int64), ("outcomes", np.int64), ("mode", np.int64)]
)


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
