"""The orchestra: five neuromodulators through query, retrieval and outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, as_vector
from engrain.base.clock import Clock
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.base.ids import Id
from engrain.kernels import Handles, inhibit
from engrain.learning.acetylcholine import AcetylcholineSystem, CognitiveMode
from engrain.learning.cold_start import PopulationPrior
from engrain.learning.config import LearningConfig
from engrain.learning.dopamine import DopamineSystem
from engrain.learning.eligibility import EligibilityTrace
from engrain.learning.inhibition import InhibitoryNetwork, similarity_of
from engrain.learning.modulation import Modulation, MoodGate, rule_from
from engrain.learning.norepinephrine import NorepinephrineSystem
from engrain.learning.serotonin import SerotoninSystem

CONTEXT_KEYS = ("mode", "is_question", "importance")


@dataclass(frozen=True, slots=True)
class NeuromodulatorState:
    """What the modulators are at.

    Attributes
    ----------
    gate : float
        boost · gain · factor, in [.25, 4].
    boost : float
        Acetylcholine: 2 encoding, 1.2 retrieving, 1 balanced.
    gain : float
        Norepinephrine, in [.5, 2].
    factor : float
        Serotonin, one less the distance of mood from ½.
    mode : CognitiveMode
    mood, novelty : float
    """

    gate: float
    boost: float
    gain: float
    factor: float
    mode: CognitiveMode
    mood: float
    novelty: float


@dataclass(frozen=True, slots=True)
class LearningParams:
    """How one memory should learn now.

    Attributes
    ----------
    memory_id : str, int or UUID
    gate : float
        Product of the neuromodulators.
    eligibility : float
    rpe : float
        Signed error of its last outcome.
    prior_rate : float
        Newness of the memory, n₀ / (n + n₀); reported apart, no factor.
    """

    memory_id: Id
    gate: float
    eligibility: float
    rpe: float
    prior_rate: float

    @property
    def surprise(self) -> float:
        """Size of the error."""
        return abs(self.rpe)

    @property
    def combined_learning_signal(self) -> float:
        """Gate · eligibility · signed error: 0 where one of them is 0."""
        return self.gate * self.eligibility * self.rpe


class NeuromodulatorOrchestra:
    """Coordinates dopamine, norepinephrine, acetylcholine, serotonin and inhibition.

    A query sets norepinephrine and acetylcholine, a retrieval marks eligibility after competition,
    an outcome gives every memory gate · δ · e and moves expectations and mood: one compiled call
    per phase and table.

    Parameters
    ----------
    config : LearningConfig, optional
    mood_gate : {'inverted_u', 'discount'}
        Whether serotonin is a factor of the gate or the discount of TD(λ).
    max_memories, max_traces : int
        Caps of the value table and of the traces.
    clock : callable, optional
        Seconds. Without it, time is moved by `step` alone.
    """

    def __init__(
        self,
        config: LearningConfig | None = None,
        *,
        mood_gate: MoodGate = "inverted_u",
        max_memories: int = 100_000,
        max_traces: int = 10_000,
        clock: Clock | None = None,
    ) -> None:
        self.config = settings = config or LearningConfig()
        self.modulation = Modulation(rule_from(settings, mood_gate))
        self.handles = Handles(max_memories)
        self.dopamine = DopamineSystem(
            settings.default_expected,
            settings.value_learning_rate,
            settings.surprise_threshold,
            handles=self.handles,
        )
        self.eligibility = EligibilityTrace(
            settings.decay,
            settings.tau_trace,
            max_traces=max_traces,
            clock=clock,
            handles=self.handles,
        )
        self.norepinephrine = NorepinephrineSystem(modulation=self.modulation)
        self.acetylcholine = AcetylcholineSystem(modulation=self.modulation)
        self.serotonin = SerotoninSystem(
            max_traces=max_traces, clock=clock, modulation=self.modulation, handles=self.handles
        )
        self.inhibition = InhibitoryNetwork(settings.inhibition_strength, settings.sparsity_target)
        self.prior = PopulationPrior()
        self.session: str | None = None

    @property
    def gate(self) -> float:
        """The product of the neuromodulators now: the one gate of everything that learns."""
        return self.modulation.now.gate

    @property
    def state_now(self) -> NeuromodulatorState:
        """What the modulators are at."""
        now = self.modulation.now
        return NeuromodulatorState(
            gate=now.gate,
            boost=now.boost,
            gain=now.norepinephrine,
            factor=now.serotonin,
            mode=CognitiveMode(now.mode),
            mood=now.mood,
            novelty=now.novelty,
        )

    def process_query(
        self,
        query_embedding: npt.ArrayLike,
        context: Mapping[str, Any] | None = None,
        *,
        is_question: bool | None = None,
        explicit_importance: float | None = None,
    ) -> NeuromodulatorState:
        """Take in a query: novelty moves norepinephrine, demand moves acetylcholine.

        Parameters
        ----------
        query_embedding : array_like, shape (dim,)
        context : mapping, optional
            ``mode``: 'encoding', 'retrieval' or 'balanced', where the caller knows it;
            ``is_question``: True asks for retrieval; ``importance``: in [0, 1], asks for encoding.
            Other keys are the caller's own.
        is_question, explicit_importance
            Win over the context.

        Raises
        ------
        ShapeError, NonFiniteError, ConfigError
            Nothing was changed.
        """
        vector = as_vector(query_embedding, self.modulation.dim, "query_embedding")
        known = context or {}
        question = known.get("is_question", False) if is_question is None else is_question
        importance = known.get("importance", 0.0)
        importance = importance if explicit_importance is None else explicit_importance
        if not 0.0 <= importance <= 1.0:
            raise NonFiniteError(f"importance: needs a number in [0, 1], got {importance!r}")
        mode = known.get("mode")
        forced = None if mode is None else _mode(mode).value
        self.modulation.query(vector, float(importance), float(bool(question)), forced)
        return self.state_now

    def process_retrieval(
        self,
        retrieved_ids: Iterable[Id],
        scores: Sequence[float] | Mapping[Id, float],
        embeddings: npt.ArrayLike | Mapping[Id, npt.ArrayLike] | None = None,
    ) -> dict[Id, float]:
        """Let the retrieved memories compete, and make what is left of each eligible.

        Parameters
        ----------
        retrieved_ids : iterable of ids
        scores : sequence of float, or mapping of id to float
            Shape (n,), finite; below 0 counts as 0.
        embeddings : array_like, shape (n, dim), or mapping of id to vector, optional
            Similar memories inhibit each other more.

        Returns
        -------
        dict
            Scores after competition, in the order given.

        Raises
        ------
        ShapeError, NonFiniteError, TypeError
            Nothing was changed.
        """
        ids = list(retrieved_ids)
        values = _scores(ids, scores)
        left = inhibit(values, similarity_of(ids, embeddings), self.inhibition.rule)
        handles = self.handles.intern_all(ids)
        self.eligibility.table.touch(handles, left, self.eligibility.now)
        self.serotonin.traces.table.touch(handles, left, self.serotonin.traces.now)
        return dict(zip(ids, left.tolist(), strict=True))

    def process_outcome(
        self,
        memory_outcomes: Mapping[Id, float] | None = None,
        session_outcome: float | None = None,
    ) -> dict[Id, float]:
        """Take in outcomes: errors, learning signals, expectations and mood.

        Parameters
        ----------
        memory_outcomes : mapping of id to float
            In [0, 1].
        session_outcome : float, optional
            In [0, 1]. Moves the mood, and credits the long traces; without it the mean of the
            memories' outcomes moves the mood.

        Returns
        -------
        dict
            gate · δ · e per memory judged.

        Raises
        ------
        NonFiniteError, TypeError
            Nothing was changed.
        """
        judged = dict(memory_outcomes or {})
        outcomes = np.array(list(judged.values()), dtype=np.float32)
        if not ((outcomes >= 0.0) & (outcomes <= 1.0)).all():
            raise NonFiniteError("memory_outcomes: need numbers in [0, 1]")
        if session_outcome is not None and not 0.0 <= session_outcome <= 1.0:
            raise NonFiniteError(
                f"session_outcome: needs a number in [0, 1], got {session_outcome!r}"
            )
        if not judged and session_outcome is None:
            return {}
        handles = self.handles.intern_all(judged)
        eligible = self.eligibility.table.read(handles, self.eligibility.now)
        if session_outcome is not None:
            self.serotonin.credit(session_outcome)
        expected = self.dopamine.expected(handles)
        signals = self.modulation.outcome(outcomes, expected, eligible, session_outcome)
        self.dopamine.learn(handles, outcomes)
        return dict(zip(judged, signals.tolist(), strict=True))

    def get_signed_rpe(self, id: Id) -> float:
        """Return the error of a memory's last outcome with its sign."""
        return self.dopamine.get_signed_rpe(id)

    def get_learning_params(self, id: Id) -> LearningParams:
        """Return the factors by which one memory should learn now."""
        return self._params(id, self.dopamine.get_signed_rpe(id))

    def get_learning_params_with_outcome(self, id: Id, outcome: float) -> LearningParams:
        """Return the factors that an outcome in [0, 1] would give; nothing is learned."""
        if not 0.0 <= outcome <= 1.0:
            raise NonFiniteError(f"outcome: needs a number in [0, 1], got {outcome!r}")
        return self._params(id, outcome - self.dopamine.get_expected(id))

    def _params(self, id: Id, rpe: float) -> LearningParams:
        count = self.dopamine.get_count(id)
        return LearningParams(
            id, self.gate, self.eligibility.get_trace(id), rpe, self.prior.rate(count)
        )

    def step(self, dt: float) -> None:
        """Let time pass for the traces."""
        self.eligibility.step(dt)
        self.serotonin.step(dt)

    def start_session(self, session: str) -> None:
        """Begin a session; its mood at the start is kept."""
        self.session = session
        self.serotonin.context(session)

    def end_session(self, outcome: float | None = None) -> None:
        """End the session; its outcome, where given, credits the long traces."""
        if outcome is not None:
            self.process_outcome(session_outcome=outcome)
        if self.session is not None:
            self.serotonin.end_session(self.session)
        self.session = None

    def reset(self) -> None:
        """Bring modulators and traces to rest; what was learned stays."""
        self.modulation.reset()
        self.eligibility.clear()
        self.serotonin.traces.clear()

    def state(self) -> dict[str, Any]:
        """Return the whole state; `load` continues it bit for bit."""
        return {
            "modulation": self.modulation.state(),
            "dopamine": self.dopamine.state(),
            "eligibility": self.eligibility.state(),
            "serotonin": self.serotonin.state(),
            "session": self.session,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.modulation.load(state["modulation"])
        self.dopamine.load(state["dopamine"])
        self.eligibility.load(state["eligibility"])
        self.serotonin.load(state["serotonin"])
        self.session = state["session"]


def create_neuromodulator_orchestra(
    config: LearningConfig | None = None, **settings: Any
) -> NeuromodulatorOrchestra:
    """Return an orchestra; `settings` are those of `LearningConfig` or of the orchestra.

    Raises
    ------
    ConfigError
        Settings and a configuration were given together.
    """
    own = {key: settings.pop(key) for key in _OWN if key in settings}
    if settings and config is not None:
        raise ConfigError("give a configuration or its settings, not both")
    return NeuromodulatorOrchestra(config or LearningConfig(**settings), **own)


_OWN = ("mood_gate", "max_memories", "max_traces", "clock")


def _mode(value: object) -> CognitiveMode:
    try:
        return CognitiveMode(str(value))
    except ValueError as error:
        known = ", ".join(CognitiveMode)
        raise ConfigError(f"mode: needs one of {known}, got {value!r}") from error


def _scores(ids: list[Id], scores: Sequence[float] | Mapping[Id, float]) -> F32Array:
    named = not isinstance(scores, list) and isinstance(scores, Mapping)
    given = [scores[i] for i in ids] if named else scores  # type: ignore[index]
    values = np.array(given, dtype=np.float32)
    if values.shape != (len(ids),):
        raise ShapeError(f"scores: expected one per id, shape ({len(ids)},), got {values.shape}")
    return values
